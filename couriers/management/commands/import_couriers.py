"""Take a list of couriers from a file."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from couriers.importing import CourierReport, import_couriers, template_xlsx
from couriers.models import Courier
from stations.management.lists import ListCommand


class Command(ListCommand):
    help = str(
        gettext_lazy(
            "Take a list of couriers (xlsx, xls, ods, csv) as offices keep it. Names and phones are said masked. "
            "Exit code 0: every row is in; 1: rows were refused or are in doubt (see the result file); "
            "2: the file cannot be read, nothing was written."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--division", default="", metavar="CODE", help=_("write only this district, such as 420106")
        )
        parser.add_argument(
            "--agreed-on-paper", action="store_true", help=_("all of the list have read the notice and signed it")
        )
        parser.add_argument(
            "--kind", default="", choices=["", *Courier.Kind.values], help=_("of whom the list names none")
        )
        parser.add_argument(
            "--change-work",
            action="store_true",
            help=_("the list is right where a profile names another brand or kind"),
        )

    def template(self) -> Iterable[bytes]:
        return template_xlsx()

    def take(self, file: Path, options: dict[str, Any]) -> CourierReport:
        with file.open("rb") as content, self.progress(_("Couriers"), options) as progress:
            return import_couriers(
                content,
                source=file.name,
                actor="import_couriers",
                at=clock.now(),
                division=options["division"],
                agreed_on_paper=options["agreed_on_paper"],
                kind=options["kind"],
                change_work=options["change_work"],
                decisions=self.decisions(options),
                dry_run=options["dry_run"],
                progress=progress,
                encoding=options["encoding"],
            )
