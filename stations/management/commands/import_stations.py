"""Take a list of stations from a file."""

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
from stations.importing import Decisions, ImportReport, import_stations, template_xlsx
from stations.management.lists import UNREADABLE, ListCommand


class Command(ListCommand):
    help = str(
        gettext_lazy(
            "Take a list of stations (xlsx, xls, ods, csv) as offices keep it. "
            "Exit code 0: every row is in; 1: rows were refused or wait for a decision (see the result file); "
            "2: the file cannot be read, nothing was written."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help=_("the list"))
        parser.add_argument("--dry-run", action="store_true", help=_("say what would happen, write nothing"))
        parser.add_argument(
            "--division", default="", metavar="CODE", help=_("take only stations inside it, such as 420106")
        )
        parser.add_argument("--json", action="store_true", help=_("print counts and findings as JSON"))
        parser.add_argument(
            "--result", type=Path, metavar="FILE", help=_("where doubts and refusals go (.xlsx or .csv)")
        )
        parser.add_argument(
            "--decisions", type=Path, metavar="FILE", help=_("a result file with its column 处理 filled in")
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
                self.stdout.write(
                    json.dumps(
                        {"error": error.code, "title": str(error.title), "detail": str(error.detail)},
                        ensure_ascii=False,
                    )
                )
            raise CommandError(f"{file.name}: {error}", returncode=UNREADABLE) from error
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}", returncode=UNREADABLE) from error
        result = self.write_result(report, file, options["result"], answers=options["decisions"])
        if options["json"]:
            answer = report.as_json() | {"result": str(result) if result else None}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            self.say(report, result)
        self.leave(report)

    def _import(self, file: Path, options: dict[str, Any]) -> ImportReport:
        decisions = None
        if options["decisions"] is not None:
            with options["decisions"].open("rb") as handed_back:
                decisions = Decisions.read(handed_back)
        is_shown = not options["json"] and sys.stderr.isatty()
        with file.open("rb") as content, progress_bar(_("Stations"), is_shown=is_shown) as progress:
            return import_stations(
                content,
                source=file.name,
                actor="import_stations",
                at=clock.now(),
                division=options["division"],
                dry_run=options["dry_run"],
                progress=progress,
                decisions=decisions,
                encoding=options["encoding"],
            )
