"""The automatic model, which chooses everything on rows held out."""
