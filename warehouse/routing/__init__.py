"""Driving routes: one interface over servers of routes and a router of our own on an OpenStreetMap extract.

Belongs here: asking for a route and saying it in words. Does not belong here: drawing it, who may ask.
"""
