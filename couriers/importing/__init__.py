"""Taking lists of couriers as offices and brands keep them: the sheets are read as those of stations are, and what is personal
is said again by nobody."""

from couriers.importing.importing import import_couriers
from couriers.importing.reports import CourierReport
from couriers.importing.template import template_xlsx

__all__ = ["CourierReport", "import_couriers", "template_xlsx"]
