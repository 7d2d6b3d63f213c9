"""What people edit, one module per domain: check, change and audit in one transaction of the operational store."""
