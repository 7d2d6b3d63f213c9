{{ current_versions('snapshot') }}
