"""Which setting is chosen on validation."""
