{{ current_versions('inner_exit') }}
