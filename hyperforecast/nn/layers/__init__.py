"""Layers that know nothing of generated weights."""
