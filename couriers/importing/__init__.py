"""Importing lists of couriers as offices and brands keep them: the sheets are read like those of stations, and personal
data is never repeated.
"""

from couriers.importing.importing import import_couriers
from couriers.importing.reports import CourierReport
from couriers.importing.template import template_xlsx

__all__ = ["CourierReport", "import_couriers", "template_xlsx"]
