"""What the commands that take an office's list have in common: the file of findings, and what is said at the end."""

import sys
from collections.abc import Iterable
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from core.console import write_chunks
from stations.importing import ImportReport, result_csv, result_xlsx

__all__ = ["UNDECIDED", "UNREADABLE", "ListCommand"]

UNDECIDED, UNREADABLE = 1, 2
_FINDINGS_SHOWN = 20


class ListCommand(BaseCommand):
    """A command that ends with 0: every row is in; 1: rows were refused or are in doubt; 2: the file cannot be read."""

    # Whether the file of findings can be filled in and handed back.
    takes_answers = True

    def write_template(self, path: Path, chunks: Iterable[bytes]) -> None:
        try:
            write_chunks(path, chunks)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}", returncode=UNREADABLE) from error
        self.stdout.write(_("The template is written: {file}").format(file=path))

    def write_result(
        self, report: ImportReport, source: Path, wanted: Path | None, *, answers: Path | None = None
    ) -> Path | None:
        """Write the findings beside the source, or where somebody wants them; nothing where nothing was found.

        The file that came back with a clerk's answers is never written over.
        """
        if not report.findings and wanted is None:
            return None
        path = wanted or source.with_name(f"{source.stem}.结果.xlsx")
        if answers is not None and path.resolve() == answers.resolve():
            path = path.with_stem(f"{path.stem}2")
        write = result_csv if path.suffix.lower() == ".csv" else result_xlsx
        try:
            write_chunks(path, write(report, takes_answers=self.takes_answers))
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
            said = (
                _("All of it with ways out: {file}. Fill in the column 处理 and hand it back with --decisions.")
                if self.takes_answers
                else _("All of it with ways out: {file}.")
            )
            self.stdout.write(said.format(file=result))
        self.stdout.write(report.sentence)

    @staticmethod
    def leave(report: ImportReport) -> None:
        """End with 1 where some row is not in."""
        if any(finding.holds_row for finding in report.findings):
            sys.exit(UNDECIDED)
