"""Models whose networks have adapters on a base."""
