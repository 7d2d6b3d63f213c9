"""Overview pages."""
