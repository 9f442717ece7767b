"""What `fit`, `minimize` and `solve` are made of besides the options that all commands share: ranges, losses, training, what is written."""
