"""Panels of univariate series: weights for each series beside weights for all."""
