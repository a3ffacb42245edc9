"""The command line: thin commands, each with an example in its help."""
