"""Take a list of stations from a file."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from stations.importing import ImportReport, import_stations, template_xlsx
from stations.management.lists import ListCommand


class Command(ListCommand):
    help = str(
        gettext_lazy(
            "Take a list of stations (xlsx, xls, ods, csv) as offices keep it. "
            "Exit code 0: every row is in; 1: rows were refused or wait for a decision (see the result file); "
            "2: the file cannot be read, nothing was written."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--division", default="", metavar="CODE", help=_("take only stations inside it, such as 420106")
        )

    def template(self) -> Iterable[bytes]:
        return template_xlsx()

    def take(self, file: Path, options: dict[str, Any]) -> ImportReport:
        with file.open("rb") as content, self.progress(_("Stations"), options) as progress:
            return import_stations(
                content,
                source=file.name,
                actor="import_stations",
                at=clock.now(),
                division=options["division"],
                dry_run=options["dry_run"],
                progress=progress,
                decisions=self.decisions(options),
                encoding=options["encoding"],
            )
