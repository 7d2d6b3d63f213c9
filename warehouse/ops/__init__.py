"""The operational store: what people edit, credentials, live state and publications. SQLAlchemy; SQLite or PostgreSQL."""
