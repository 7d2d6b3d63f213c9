{{ current_versions('exit') }}
