"""What Darts gives a model: its checks, its names, its gaps, its attributes."""
