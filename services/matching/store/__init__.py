"""Every statement that matching runs, one function each; rows come back as values."""
