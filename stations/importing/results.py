"""The result of an import as a file: every doubt and refusal with its place, reason and way out, to fill in and hand back."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from stations.columns import SheetRows, Value, csv_chunks, xlsx_chunks
from stations.importing.decisions import DECISION_HEADING, SUBJECT_HEADING
from stations.importing.findings import ImportReport, Severity, held_rows

__all__ = ["result_csv", "result_xlsx"]

_WIDTHS = (12, 7, 7, 14, 26, 14, 44, 44, 24, 26)


def result_xlsx(report: ImportReport) -> Iterator[bytes]:
    """The result as a workbook: the findings, with the column 处理 for the answers to hand back, and the counts."""
    yield from xlsx_chunks(
        [
            SheetRows(_("Doubts and refusals"), _finding_rows(report), widths=_WIDTHS),
            SheetRows(
                _("Summary"), [[report.sentence], *([note] for note in report.notes)], widths=(100,), heading_rows=0
            ),
        ]
    )


def result_csv(report: ImportReport) -> Iterator[bytes]:
    """The findings as CSV."""
    yield from csv_chunks(_finding_rows(report))


def _finding_rows(report: ImportReport) -> Iterator[Sequence[Value]]:
    yield [
        _("sheet"), _("row"), _("column"), _("heading"), _("value"), _("outcome"), _("reason"), _("way out"),
        DECISION_HEADING, SUBJECT_HEADING,
    ]  # fmt: skip
    order = list(Severity)
    held = held_rows(report.findings)
    for finding in sorted(report.findings, key=lambda each: order.index(each.severity)):
        is_beside = not finding.holds_row and (finding.sheet, finding.row) in held
        outcome = _("this too, in a row that is not written") if is_beside else finding.severity.label
        yield [
            finding.sheet, finding.row, finding.column, finding.heading, finding.value, outcome,
            finding.reason, finding.way_out, "", finding.subject,
        ]  # fmt: skip
    if report.findings_not_kept:
        more = _("{count} more are not listed.").format(count=report.findings_not_kept)
        yield ["", "", "", "", "", "", more, "", "", ""]
