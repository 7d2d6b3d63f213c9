{{ current_versions('invoice') }}
