"""Typed models of the operational store, one module per domain; importing this package registers all of them."""

from warehouse.ops.models.access import AuthFailure, AuthSession, FormDraft, Operator, Role, RolePermission
from warehouse.ops.models.alarm import (
    AlarmChannel,
    AlarmDelivery,
    AlarmEpisode,
    AlarmEvent,
    AlarmNote,
    AlarmNotice,
    AlarmRule,
    AlarmWatch,
    CountedBatch,
    RecentOpening,
    UploadSlot,
)
from warehouse.ops.models.analysts import SqlQuery, SqlRun
from warehouse.ops.models.audit import AuditEntry, AuditHead
from warehouse.ops.models.base import Base
from warehouse.ops.models.delivery import Delivery, DeliveryRun, SavedView
from warehouse.ops.models.downlink import DownlinkCommand, OutboxRecord
from warehouse.ops.models.linkage import GuidanceShown, RegionRule
from warehouse.ops.models.live import AreaFreeSpaces, DeviceLive, LivePassage, LotLive, OpenAlarm
from warehouse.ops.models.lot_settings import InvoiceSetting, LotTariff, PaymentAccount
from warehouse.ops.models.operation import BackupPlan, OperationRun, Removal
from warehouse.ops.models.owners import (
    LongTermVehicle,
    Owner,
    OwnerRenewal,
    OwnerSpace,
    RenewalPlan,
    VehicleGroup,
    Wallet,
    WalletEntry,
)
from warehouse.ops.models.processes import ProcessState
from warehouse.ops.models.publication import Build, Publication
from warehouse.ops.models.tree import Area, AreaCapacity, Gate, Lot, LotCredential, Node

__all__ = [
    "AlarmChannel",
    "AlarmDelivery",
    "AlarmEpisode",
    "AlarmEvent",
    "AlarmNote",
    "AlarmNotice",
    "AlarmRule",
    "AlarmWatch",
    "Area",
    "AreaCapacity",
    "AreaFreeSpaces",
    "AuditEntry",
    "AuditHead",
    "AuthFailure",
    "AuthSession",
    "BackupPlan",
    "Base",
    "Build",
    "CountedBatch",
    "Delivery",
    "DeliveryRun",
    "DeviceLive",
    "DownlinkCommand",
    "FormDraft",
    "Gate",
    "GuidanceShown",
    "InvoiceSetting",
    "LivePassage",
    "LongTermVehicle",
    "Lot",
    "LotCredential",
    "LotLive",
    "LotTariff",
    "Node",
    "OpenAlarm",
    "OperationRun",
    "Operator",
    "OutboxRecord",
    "Owner",
    "OwnerRenewal",
    "OwnerSpace",
    "PaymentAccount",
    "ProcessState",
    "Publication",
    "RecentOpening",
    "RegionRule",
    "Removal",
    "RenewalPlan",
    "Role",
    "RolePermission",
    "SavedView",
    "SqlQuery",
    "SqlRun",
    "UploadSlot",
    "VehicleGroup",
    "Wallet",
    "WalletEntry",
]
