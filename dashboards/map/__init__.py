"""Maps of lots: the base map, the markers of the cloud map, and the small map on which a place is picked.

Belongs here: what is drawn and what browsers fetch for it below ``/map/``. Does not belong here: pages.
``assets/land.json`` is land from Natural Earth (public domain), the world at 1:110m and around China at 1:50m,
thinned out; it has coasts only and no borders.
"""
