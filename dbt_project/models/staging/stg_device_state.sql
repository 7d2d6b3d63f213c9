{{ current_versions('device_state') }}
