"""Sums of products over windows, with and without visiting them."""
