"""Places on earth: converting coordinates between the datums that maps in China use.

Belongs here: pure computing. Does not belong here: lots, pages, maps.
"""
