"""One module per verb of the command line, and the parser of its flags."""
