"""Write the stations to a file that import takes again, or to GeoJSON."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError
from stations.exporting import FORMATS, export
from stations.geo import Crs
from stations.models import Division, Station


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Write the stations as xlsx, csv (UTF-8 with its mark) or geojson (RFC 7946), to a file or to standard output."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help=_("where to; standard output if left out"))
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        parser.add_argument("--division", default="", metavar="CODE", help=_("only stations inside it, such as 420106"))
        parser.add_argument(
            "--crs", default="wgs84", choices=[str(crs) for crs in Crs], help=_("datum of the positions")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        division = options["division"]
        if division and not Division.objects.filter(code=division).exists():
            raise CommandError(_("There is no division with this code. Write one such as 420106."))
        try:
            chunks = export(Station.objects.in_division(division), options["format"], crs=Crs(options["crs"]))
        except DomainError as error:
            raise CommandError(str(error)) from error
        if options["file"] is None:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            return
        try:
            with options["file"].open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
