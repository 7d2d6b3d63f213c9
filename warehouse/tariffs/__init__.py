"""Tariffs: the exact fee of a stay, of one or of millions, and the words for the rules.

Belongs here: pure computing on what it is given. Does not belong here: storing tariffs, finding stays, pages.
"""
