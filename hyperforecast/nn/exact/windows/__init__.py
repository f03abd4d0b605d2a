"""Series as the solver takes them, and windows of them written out."""
