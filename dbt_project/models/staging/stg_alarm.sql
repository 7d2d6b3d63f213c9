{{ current_versions('alarm') }}
