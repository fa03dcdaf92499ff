"""`manage.py load_divisions`: the city, its districts, subdistricts and functional zones."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from stations import divisions


class Command(BaseCommand):
    """A second run changes nothing, so every deployment may run it."""

    help = str(gettext_lazy("Load Wuhan's districts, subdistricts and functional zones, or bring them up to date."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=str(gettext_lazy("print the result as JSON")))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        loaded = divisions.load(actor="load_divisions", at=clock.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(loaded)))
        elif loaded.changed:
            self.stdout.write(
                _("Divisions: {created} created, {updated} updated; zones: {zones_created} created.").format(
                    created=loaded.divisions_created,
                    updated=loaded.divisions_updated,
                    zones_created=loaded.zones_created,
                )
            )
        else:
            self.stdout.write(_("The divisions are up to date."))
