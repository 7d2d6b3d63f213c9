{{ current_versions('top_up') }}
