"""Vectors of channels: what they start from, and how they are solved for."""
