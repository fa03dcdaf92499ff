"""The desk for who couriers are and where they work, limited to the district."""

from couriers.admin import outlets, people

__all__ = ["outlets", "people"]
