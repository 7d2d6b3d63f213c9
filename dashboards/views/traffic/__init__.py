"""Operation reports: traffic and records."""
