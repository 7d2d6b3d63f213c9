"""The operational store: what people edit, credentials, live state, publications. SQLAlchemy; SQLite or PostgreSQL."""
