{{ current_versions('inner_entry') }}
