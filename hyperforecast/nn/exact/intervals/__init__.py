"""Quantiles, calibrated on residuals of windows that were not trained on."""
