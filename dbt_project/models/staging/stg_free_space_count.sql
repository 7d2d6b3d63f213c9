{{ current_versions('free_space_count') }}
