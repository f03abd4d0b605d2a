"""Layers of the one equation: a shared weight and generated terms."""
