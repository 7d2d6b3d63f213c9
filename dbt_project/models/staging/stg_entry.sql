{{ current_versions('entry') }}
