"""Training and validation series, and the regressions on them."""
