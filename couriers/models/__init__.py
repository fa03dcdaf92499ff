"""The tables of `couriers`, by noun."""

from couriers.models.couriers import Consent, Courier, Device, Erasure, PinReset, RetiredCode
from couriers.models.lists import CourierList
from couriers.models.outlets import Company, Instructor, Outlet, PartyOrganisation

__all__ = [
    "Company",
    "Consent",
    "Courier",
    "CourierList",
    "Device",
    "Erasure",
    "Instructor",
    "Outlet",
    "PartyOrganisation",
    "PinReset",
    "RetiredCode",
]
