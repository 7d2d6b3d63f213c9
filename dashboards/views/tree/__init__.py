"""Pages of the tenancy tree: agents, customers, lots."""
