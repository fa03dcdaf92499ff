"""What an import reports about single rows, and the result of the whole file."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

__all__ = ["MAX_FINDINGS", "Finding", "ImportReport", "Outcome", "Severity", "held_rows", "row_words"]

# Beyond this many, the sheet is no list of stations; further ones are counted, not kept.
MAX_FINDINGS = 50_000


class Severity(StrEnum):
    """`refusal`: the row cannot be imported. `doubt`: it waits for a decision. `notice`: it is written, except for a part."""

    REFUSAL = "refusal"
    DOUBT = "doubt"
    NOTICE = "notice"

    @property
    def label(self) -> str:
        return str(_SEVERITY_LABELS[self])


_SEVERITY_LABELS = {
    Severity.REFUSAL: gettext_lazy("refused"),
    Severity.DOUBT: gettext_lazy("in doubt, not written"),
    Severity.NOTICE: gettext_lazy("written, please check"),
}


class Outcome(StrEnum):
    """How a row ended. A row in doubt is refused until somebody decides."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cell that was doubted or refused, where it is, why, and the way out.

    `subject` names the wording for the program, which finds by it the decision that somebody wrote beside it.
    """

    severity: Severity
    code: str
    sheet: str
    row: int
    column: str
    heading: str
    value: str
    reason: str
    way_out: str
    subject: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # possible answers, with what they mean

    @property
    def holds_row(self) -> bool:
        return self.severity is not Severity.NOTICE

    def as_json(self) -> dict[str, Any]:
        return {
            "severity": str(self.severity),
            "code": self.code,
            "sheet": self.sheet,
            "row": self.row,
            "column": self.column,
            "heading": self.heading,
            "value": self.value,
            "reason": self.reason,
            "way_out": self.way_out,
            "subject": self.subject,
            "choices": [{"answer": answer, "label": label} for answer, label in self.choices],
        }


def held_rows(findings: Iterable[Finding]) -> set[tuple[str, int]]:
    """The rows that are not written, as (sheet, number). Their other findings are listed with them, not with written rows."""
    return {(finding.sheet, finding.row) for finding in findings if finding.holds_row}


@dataclass(slots=True)
class ImportReport:
    """The result of a file: one outcome for each row, and all findings."""

    is_dry_run: bool
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    findings_not_kept: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.outcomes.total()

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append(finding)
            else:
                self.findings_not_kept += 1

    def rows(self, severity: Severity) -> list[tuple[str, int]]:
        """The rows whose worst finding has this severity, in order."""
        worst: dict[tuple[str, int], Severity] = {}
        order = list(Severity)
        for finding in self.findings:
            key = (finding.sheet, finding.row)
            if key not in worst or order.index(finding.severity) < order.index(worst[key]):
                worst[key] = finding.severity
        return [key for key, value in worst.items() if value is severity]

    @property
    def sentence(self) -> str:
        """The result in one line to paste into the group: "49个:新增47,存疑2(第12、31行)"."""
        parts = []
        refused = self.rows(Severity.REFUSAL)
        to_check = self.rows(Severity.NOTICE)
        # Outcomes REFUSED without a refusal are rows that wait for an answer: each row is counted once, so the numbers add up.
        held = self.outcomes[Outcome.REFUSED] - len(refused)
        for count, text in (
            (self.outcomes[Outcome.CREATED], _("new {count}")),
            (self.outcomes[Outcome.UPDATED], _("changed {count}")),
            (self.outcomes[Outcome.UNCHANGED], _("as before {count}")),
        ):
            if count:
                parts.append(text.format(count=count))
        for count, rows, text in (
            (held, self.rows(Severity.DOUBT), _("in doubt {count} ({rows})")),
            (len(refused), refused, _("refused {count} ({rows})")),
        ):
            if count:
                parts.append(text.format(count=count, rows=_row_list(rows)))
        sentence = self._counted(pgettext("between counts", ", ").join(parts) or _("nothing"))
        if to_check:
            sentence = _("{sentence}; of these please check {count} ({rows})").format(
                sentence=sentence, count=len(to_check), rows=_row_list(to_check)
            )
        return _("Trial, nothing written. {sentence}").format(sentence=sentence) if self.is_dry_run else sentence

    def _counted(self, parts: str) -> str:
        """The number of stations in the list, followed by `parts`."""
        return ngettext("{total} station: {parts}", "{total} stations: {parts}", self.total).format(
            total=self.total, parts=parts
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "dry_run": self.is_dry_run,
            "total": self.total,
            **{str(outcome): self.outcomes[outcome] for outcome in Outcome},
            "doubts": [finding.as_json() for finding in self.findings if finding.severity is not Severity.REFUSAL],
            "refusals": [finding.as_json() for finding in self.findings if finding.severity is Severity.REFUSAL],
            "not_listed": self.findings_not_kept,
            "notes": self.notes,
            "sentence": self.sentence,
        }


_ROWS_NAMED = 20


def row_words(sheet: str, rows: int | str) -> str:
    """A place as people say it: 武昌区台账第8行."""
    return _("{sheet}, row {rows}").format(sheet=sheet, rows=rows) if sheet else _("row {rows}").format(rows=rows)


def _row_list(rows: list[tuple[str, int]]) -> str:
    def said() -> Iterator[str]:
        several = len({sheet for sheet, _row in rows}) > 1
        by_sheet: dict[str, list[int]] = {}
        for sheet, row in rows[:_ROWS_NAMED]:
            by_sheet.setdefault(sheet, []).append(row)
        for sheet, numbers in by_sheet.items():
            text = pgettext("between numbers of rows", ", ").join(map(str, numbers))
            yield row_words(sheet if several else "", text)

    text = pgettext("between sheets", "; ").join(said())
    return text if len(rows) <= _ROWS_NAMED else _("{rows} and more").format(rows=text)
