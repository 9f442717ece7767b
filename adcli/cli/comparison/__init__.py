"""What `compare` writes besides its table: the comparison as data, and the plot of errors by step."""
