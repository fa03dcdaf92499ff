"""`manage.py fill_day_types`: holidays and swapped workdays from the package chinesecalendar into the database."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from stations import day_types, publishing


class Command(BaseCommand):
    """Run it after each update of the package; running it twice changes nothing, and rows edited by staff stay."""

    help = str(
        gettext_lazy("Fill the calendar of holidays and swapped workdays (调休) from the package chinesecalendar.")
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help=_("print one JSON object"))

    def handle(self, *args: Any, as_json: bool = False, **options: Any) -> None:  # noqa: ARG002
        now = clock.now()
        filled = day_types.fill(actor="fill_day_types", at=now)
        # A crash between the two is healed by the worker's nightly expansion.
        stations = publishing.refresh_all(now=now) if filled.added or filled.changed else 0
        if as_json:
            self.stdout.write(json.dumps(asdict(filled) | {"stations_expanded": stations}, default=str))
            return
        self.stdout.write(
            _(
                "{first} to {last} ({source}): {added} days added, {changed} changed, {unchanged} unchanged, "
                "{kept} kept as staff entered them; hours of {stations} stations expanded anew."
            ).format(**asdict(filled), stations=stations)
        )
