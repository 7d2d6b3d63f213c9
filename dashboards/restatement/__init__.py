"""Past moments on the pages: building them in the background, showing what moved."""
