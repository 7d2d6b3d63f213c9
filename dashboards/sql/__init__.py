"""Parts of the SQL page: the editor, and the queries under way."""
