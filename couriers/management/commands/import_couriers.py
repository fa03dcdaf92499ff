"""Take a list of couriers from a file."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from core.console import progress_bar
from core.errors import DomainError
from couriers.importing import CourierReport, import_couriers, template_xlsx
from couriers.models import Courier
from stations.management.lists import UNREADABLE, ListCommand


class Command(ListCommand):
    takes_answers = False
    help = str(
        gettext_lazy(
            "Take a list of couriers (xlsx, xls, ods, csv) as offices keep it. Names and phones are said masked. "
            "Exit code 0: every row is in; 1: rows were refused or are in doubt (see the result file); "
            "2: the file cannot be read, nothing was written."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help=_("the list"))
        parser.add_argument("--dry-run", action="store_true", help=_("say what would happen, write nothing"))
        parser.add_argument(
            "--division", default="", metavar="CODE", help=_("the district that alone is written, such as 420106")
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
        parser.add_argument("--json", action="store_true", help=_("print counts and findings as JSON"))
        parser.add_argument(
            "--result", type=Path, metavar="FILE", help=_("where doubts and refusals go (.xlsx or .csv)")
        )
        parser.add_argument("--encoding", default="", help=_("of a CSV, where it is not found out by itself"))
        parser.add_argument(
            "--template", type=Path, metavar="FILE", help=_("write the empty list to fill in, and stop")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["template"] is not None:
            self.write_template(options["template"], template_xlsx())
            return
        if options["file"] is None:
            raise CommandError(_("Name the file to take, or --template FILE."), returncode=UNREADABLE)
        file: Path = options["file"]
        try:
            report = self._import(file, options)
        except DomainError as error:
            if options["json"]:
                said = {"error": error.code, "title": str(error.title), "detail": str(error.detail)}
                self.stdout.write(json.dumps(said, ensure_ascii=False))
            raise CommandError(f"{file.name}: {error}", returncode=UNREADABLE) from error
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}", returncode=UNREADABLE) from error
        result = self.write_result(report, file, options["result"])
        if options["json"]:
            answer = report.as_json() | {"result": str(result) if result else None}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            self.say(report, result)
        self.leave(report)

    @staticmethod
    def _import(file: Path, options: dict[str, Any]) -> CourierReport:
        is_shown = not options["json"] and sys.stderr.isatty()
        with file.open("rb") as content, progress_bar(_("Couriers"), is_shown=is_shown) as progress:
            return import_couriers(
                content,
                source=file.name,
                actor="import_couriers",
                at=clock.now(),
                division=options["division"],
                agreed_on_paper=options["agreed_on_paper"],
                kind=options["kind"],
                change_work=options["change_work"],
                dry_run=options["dry_run"],
                progress=progress,
                encoding=options["encoding"],
            )
