"""The pages, one module each; the frame finds those that have a ``VIEW``."""
