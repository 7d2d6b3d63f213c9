"""Devices as the lots report them."""
