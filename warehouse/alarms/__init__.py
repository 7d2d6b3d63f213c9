"""Alarms: rules of the platform, episodes of the lots' own alarms, and telling people and programs about them."""
