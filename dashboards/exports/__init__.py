"""Files that take a while: made in the background by a process of their own, fetched when they are done."""
