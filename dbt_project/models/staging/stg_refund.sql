{{ current_versions('refund') }}
