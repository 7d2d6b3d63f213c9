{{ current_versions('gate_opening') }}
