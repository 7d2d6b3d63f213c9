{{ current_versions('shift') }}
