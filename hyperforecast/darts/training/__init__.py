"""What goes on around training by gradients."""
