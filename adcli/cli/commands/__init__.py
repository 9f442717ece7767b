"""The commands, one module each, named as they are typed; the one that is called is imported, and no other (see `adcli/cli/group.py`)."""
