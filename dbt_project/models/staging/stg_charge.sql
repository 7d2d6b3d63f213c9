{{ current_versions('charge') }}
