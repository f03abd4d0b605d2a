"""The exact solver inside Darts."""
