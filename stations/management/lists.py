"""What the commands that import an office's list have in common: everything except the list itself."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from core.console import progress_bar, write_chunks
from core.errors import DomainError
from stations.importing import Decisions, ImportReport, result_csv, result_xlsx

__all__ = ["ListCommand"]

UNDECIDED, UNREADABLE = 1, 2
_FINDINGS_SHOWN = 20


class ListCommand(BaseCommand):
    """A command that ends with 0: every row is in; 1: rows were refused or are in doubt; 2: the file cannot be read."""

    def take(self, file: Path, options: dict[str, Any]) -> ImportReport:
        """Take the list.   Raises: DomainError and OSError, where a file cannot be read."""
        raise NotImplementedError

    def template(self) -> Iterable[bytes]:
        """The empty list to fill in."""
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help=_("the list"))
        parser.add_argument("--dry-run", action="store_true", help=_("say what would happen, write nothing"))
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
        _refuse_other_endings("--template", options["template"], (".xlsx",))
        _refuse_other_endings("--result", options["result"], (".xlsx", ".csv"))
        if options["template"] is not None:
            try:
                write_chunks(options["template"], self.template())
            except OSError as error:
                raise CommandError(f"{options['template']}: {error.strerror}", returncode=UNREADABLE) from error
            self.stdout.write(_("The template is written: {file}").format(file=options["template"]))
            return
        if options["file"] is None:
            raise CommandError(_("Name the file to take, or --template FILE."), returncode=UNREADABLE)
        file: Path = options["file"]
        try:
            report = self.take(file, options)
        except DomainError as error:
            if options["json"]:
                said = {"error": error.code, "title": str(error.title), "detail": str(error.detail)}
                self.stdout.write(json.dumps(said, ensure_ascii=False))
            raise CommandError(f"{file.name}: {error}", returncode=UNREADABLE) from error
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}", returncode=UNREADABLE) from error
        result = self.write_result(report, file, options["result"], answers=options["decisions"])
        if options["json"]:
            answer = report.as_json() | {"result": str(result) if result else None}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            self.say(report, result)
        if any(finding.holds_row for finding in report.findings):
            sys.exit(UNDECIDED)

    @staticmethod
    def decisions(options: dict[str, Any]) -> Decisions | None:
        """The answers that were handed in.   Raises: FileUnreadable and its kinds, OSError."""
        if options["decisions"] is None:
            return None
        with options["decisions"].open("rb") as file:
            return Decisions.read(file)

    @staticmethod
    def progress(label: str, options: dict[str, Any]) -> AbstractContextManager[Callable[[int, int], None] | None]:
        """A bar on a terminal, unless a program reads the output."""
        return progress_bar(label, is_shown=not options["json"] and sys.stderr.isatty())

    def write_result(
        self, report: ImportReport, source: Path, wanted: Path | None, *, answers: Path | None = None
    ) -> Path | None:
        """Write the findings beside the source, or where the caller wants them; no file if there are none.

        The file that came back with a clerk's answers is never overwritten.
        """
        if not report.findings and wanted is None:
            return None
        path = wanted or source.with_name(f"{source.stem}.结果.xlsx")
        if answers is not None and path.resolve() == answers.resolve():
            path = path.with_stem(f"{path.stem}2")
        write = result_csv if path.suffix.lower() == ".csv" else result_xlsx
        try:
            write_chunks(path, write(report))
        except OSError as error:
            self.stderr.write(
                _("The result file cannot be written ({reason}). Name another with --result.").format(
                    reason=error.strerror
                )
            )
            return None
        return path

    def say(self, report: ImportReport, result: Path | None) -> None:
        """The notes, the first findings, where all of them are, and the sentence to paste."""
        for note in report.notes:
            self.stdout.write(note)
        for finding in report.findings[:_FINDINGS_SHOWN]:
            place = f"{finding.sheet} {finding.column}{finding.row}".strip()
            self.stdout.write(
                f"{place} [{finding.severity.label}] {finding.heading} “{finding.value}”: {finding.reason} {finding.way_out}"
            )
        if len(report.findings) > _FINDINGS_SHOWN:
            self.stdout.write(_("and {count} more").format(count=len(report.findings) - _FINDINGS_SHOWN))
        if result is not None:
            said = _("All of it with ways out: {file}. Fill in the column 处理 and hand it back with --decisions.")
            self.stdout.write(said.format(file=result))
        self.stdout.write(report.sentence)


def _refuse_other_endings(name: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Raises: CommandError, before anything is imported: the name tells people and programs what kind of file is written."""
    if path is not None and path.suffix.lower() not in endings:
        raise CommandError(
            _("{name} {file}: let the name end in {endings}.").format(
                name=name, file=path.name, endings=_(" or ").join(endings)
            ),
            returncode=UNREADABLE,
        )
