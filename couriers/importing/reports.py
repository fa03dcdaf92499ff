"""What came of a list of couriers: as for one of stations, but worded for people."""

from dataclasses import dataclass

from django.utils.translation import ngettext

from stations.importing import ImportReport

__all__ = ["CourierReport"]


@dataclass(slots=True)
class CourierReport(ImportReport):
    def _counted(self, parts: str) -> str:
        return ngettext("{total} courier: {parts}", "{total} couriers: {parts}", self.total).format(
            total=self.total, parts=parts
        )
