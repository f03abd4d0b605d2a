"""Channels and series that were not trained on."""
