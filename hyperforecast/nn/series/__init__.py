"""What is read off training series before a network learns."""
