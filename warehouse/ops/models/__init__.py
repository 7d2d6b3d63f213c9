"""Typed models of the operational store, one module per domain; importing this package registers all of them."""

from warehouse.ops.models.base import Base
from warehouse.ops.models.live import AreaFreeSpaces, DeviceLive, LotLive, OpenAlarm
from warehouse.ops.models.operators import AuthFailure, AuthSession, Operator
from warehouse.ops.models.publication import Build, Publication
from warehouse.ops.models.tree import Area, AreaCapacity, Lot, LotCredential, Node

__all__ = [
    "Area",
    "AreaCapacity",
    "AreaFreeSpaces",
    "AuthFailure",
    "AuthSession",
    "Base",
    "Build",
    "DeviceLive",
    "Lot",
    "LotCredential",
    "LotLive",
    "Node",
    "OpenAlarm",
    "Operator",
    "Publication",
]
