"""The package beside what Darts has, and beside naive forecasts."""
