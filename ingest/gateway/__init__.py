"""The HTTP gateway: signed uploads into the journal. It never opens the lake."""
