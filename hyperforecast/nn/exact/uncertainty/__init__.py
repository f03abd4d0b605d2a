"""How sure numbers are that were estimated from dependent residuals."""
