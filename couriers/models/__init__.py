"""The tables of `couriers`, by noun."""

from couriers.models.couriers import Consent, Courier, Erasure, PinReset, RetiredCode
from couriers.models.outlets import Company, Instructor, Outlet, PartyOrganisation

__all__ = [
    "Company",
    "Consent",
    "Courier",
    "Erasure",
    "Instructor",
    "Outlet",
    "PartyOrganisation",
    "PinReset",
    "RetiredCode",
]
