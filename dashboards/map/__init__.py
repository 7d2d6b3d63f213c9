"""A map without any server of maps: coastlines, a graticule and the neighbouring lots.

Belongs here: the map as a component and its outline. Does not belong here: what a page does with a picked place.
``assets/land.json`` is land from Natural Earth (public domain), the world at 1:110m and around China at 1:50m,
thinned out; it has coasts only and no borders.
"""
