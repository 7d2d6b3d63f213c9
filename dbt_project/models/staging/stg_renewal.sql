{{ current_versions('renewal') }}
