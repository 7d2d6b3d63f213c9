"""Finance reports."""
