"""The assets, in the order of the data's way: raw landing, marts, publication."""
