"""What staff decided about the doubts of an earlier import: the result file with the column 处理 filled in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO, Self

from django.utils.translation import gettext as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from stations import access
from stations.codes import code_in
from stations.columns import heading_key, restored
from stations.divisions import AliasTaken, Gazetteer
from stations.importing.errors import FileHasNoHeadings
from stations.importing.findings import Finding
from stations.importing.sheets import read_sheets
from stations.models import Amenity, AmenityWord, Division, Duty

__all__ = [
    "DECISION_HEADING",
    "SUBJECT_HEADING",
    "Decisions",
    "answers_to",
    "answers_without",
    "fitting_answers",
    "subject_of",
]

DECISION_HEADING = "处理"
SUBJECT_HEADING = "代号"
_SAME = re.compile(r"\s*(?:就?是?同|same)", re.IGNORECASE)
_NEW = re.compile(r"新建|新增|不同|不是|另一个|new|\bnot\b", re.IGNORECASE)
_ROW = re.compile(r"(?:同|same as)\s*(?P<sheet>.*?)[\s,，]*(?:第|row)?\s*(?P<row>\d{1,6})\s*行?", re.IGNORECASE)


_SUBJECT_CHARS = 120
_LONGEST_ANSWER = 200


def subject_of(kind: str, *parts: str) -> str:
    """The name of a question. It is written into cells of result files and read back, so it is one short line."""
    return _tidy(":".join((kind, *parts)))


def _tidy(subject: str) -> str:
    return " ".join(subject.split())[:_SUBJECT_CHARS].strip()


class Decisions:
    """Decisions by the subject of their finding. Wordings for a division or an amenity are learnt as aliases."""

    def __init__(self, decided: Mapping[str, str] | None = None) -> None:
        self._decided = dict(decided or {})
        self._divisions: dict[str, Division] = {}
        self.amenities: dict[str, str] = {}  # wording → code
        self.wordings: list[tuple[str, str]] = []  # code of a division → what else it is called
        self.notes: list[str] = []

    @classmethod
    def read(cls, file: BinaryIO) -> Self:
        """The decisions in a result file, xlsx or CSV.   Raises: FileUnreadable and its kinds."""
        decided: dict[str, str] = {}
        is_result = False
        for sheet in read_sheets(file):
            columns: tuple[int, int] | None = None
            for _number, cells in sheet.rows():
                keys = [heading_key(cell) for cell in cells]
                if columns is None:
                    if heading_key(DECISION_HEADING) in keys and heading_key(SUBJECT_HEADING) in keys:
                        columns = keys.index(heading_key(SUBJECT_HEADING)), keys.index(heading_key(DECISION_HEADING))
                        is_result = True
                    continue
                subject, decision = (restored(cells[index]) if index < len(cells) else "" for index in columns)
                if subject and decision:
                    decided[_tidy(subject)] = decision.lstrip("=＝ ").strip()
        if not is_result:
            raise FileHasNoHeadings(_("Hand back the result file of an import, with its columns 处理 and 代号."))
        return cls(decided)

    @property
    def by_subject(self) -> dict[str, str]:
        """The answers, by the subject of the doubt."""
        return dict(self._decided)

    def __bool__(self) -> bool:
        return bool(self._decided)

    def doubted(self, subject: str, reason: str) -> str:
        """`reason`, preceded by the answer that was given already if it did not settle the doubt."""
        answer = self.text(subject) if subject else ""
        if not answer:
            return reason
        said = _("The answer “{answer}” is not understood or fits nothing.").format(answer=answer[:50])
        return f"{said} {reason}"

    def text(self, subject: str) -> str:
        """What was decided about `subject`; "" if nothing."""
        return self._decided.get(subject, "")

    def division(self, subject: str) -> Division | None:
        """The division that a wording was decided to mean."""
        return self._divisions.get(subject)

    def same_as(self, subject: str) -> str:
        """The code of the station that the row was decided to mean."""
        text = self.text(subject)
        return "" if self.is_new(subject) else code_in(text)

    def same_as_row(self, subject: str, *, sheet: str) -> tuple[str, int] | None:
        """The sheet and row of the same list that are about the same station: 同第8行, or 同武昌区台账第8行."""
        match = _ROW.fullmatch(self.text(subject).strip())
        return (match["sheet"] or sheet, int(match["row"])) if match and not self.same_as(subject) else None

    def is_new(self, subject: str) -> bool:
        """Whether the row was decided to be a new station."""
        text = self.text(subject)
        # 同 WH-QK-0001 means that one; 不是 WH-QK-0001 means another, though it contains the same code.
        return bool(_NEW.search(text)) and not _SAME.match(text)

    def learn(self, gazetteer: Gazetteer, *, within: str = "", actor: User | str, at: datetime, dry_run: bool) -> None:
        """Look up what the decisions name; unless `dry_run`, keep the wordings as aliases, so that nobody is asked again.

        A division outside `within` is not found, as if it did not exist.
        """
        for subject, decision in self._decided.items():
            if not decision:
                continue
            kind, _separator, rest = subject.partition(":")
            if kind == "division":
                district_code, _separator, wording = rest.partition(":")
                division = _division(decision, gazetteer.district(district_code), gazetteer)
                if division is None or not division.code.startswith(within):
                    continue  # the row with the wording reports it
                self._divisions[subject] = division
                self._learn_division(
                    division, wording, gazetteer.district(district_code), gazetteer, actor=actor, at=at, dry_run=dry_run
                )
            elif kind == "amenity":
                self._learn_amenity(decision, rest, actor=actor, at=at, dry_run=dry_run)

    def _learn_division(
        self,
        division: Division,
        wording: str,
        district: Division | None,
        gazetteer: Gazetteer,
        *,
        actor: User | str,
        at: datetime,
        dry_run: bool,
    ) -> None:
        is_known = gazetteer.subdistrict(wording, district) or (None if district else gazetteer.district(wording))
        if is_known or len(wording) > 50 or (district is not None and not division.code.startswith(district.code)):
            return
        try:
            if dry_run:
                # As if it had been learnt, so that a trial reads all rows as the import will.
                gazetteer.suppose(wording, division)
            else:
                gazetteer.learn_alias(wording, division, actor=actor, at=at)
            self.wordings.append((division.code, wording))
        except AliasTaken:
            # It names a sibling too: the decision counts for this file only.
            self.notes.append(_("“{wording}” stays ambiguous and will be asked again.").format(wording=wording))

    def _learn_amenity(self, decision: str, word: str, *, actor: User | str, at: datetime, dry_run: bool) -> None:
        amenity = Amenity.objects.filter(code=decision.lower()).first() or Amenity.objects.filter(name=decision).first()
        if amenity is None:
            known = AmenityWord.objects.filter(word=decision).select_related("amenity").first()
            amenity = known.amenity if known is not None else None
        if amenity is None:
            return  # the row with the word reports it
        self.amenities[word] = amenity.code
        if dry_run or not (isinstance(actor, str) or access.scope_of(actor, Duty.MANAGE).is_city):
            # The words for amenities are shared by all districts, so only the city adds any (stations/access.py).
            return
        _word, is_new = AmenityWord.objects.get_or_create(word=word[:50], amenity=amenity)
        if is_new:
            audit.record(
                "amenity.word_learnt", subject=("amenity", amenity.code), actor=actor, at=at, data={"word": word}
            )


def _division(decision: str, district: Division | None, gazetteer: Gazetteer) -> Division | None:
    """The division that an answer names, whole or as part of a sentence."""
    resolved = gazetteer.resolve(decision)
    return (
        gazetteer.subdistrict(decision, district)
        or gazetteer.subdistrict(decision)
        or resolved.subdistrict
        or gazetteer.district(decision)
        or resolved.district
    )


# ── Answers that are given one after another, kept by the subject of their doubt ───────────────────────────────────────


def answers_to(
    found: Sequence[Finding], *, subject: str, said: str, alike: frozenset[str] = frozenset()
) -> dict[str, str]:
    """What `said` settles: the doubt of this subject, and all others where its code is one of `alike`.

    Raises: InvalidValue for a doubt that is not asked about.
    """
    asked = next((finding for finding in found if finding.subject and finding.subject == subject), None)
    if asked is None:
        raise InvalidValue("subject", _("This is not asked any more."), value=subject)
    subjects = [subject]
    if asked.code in alike:
        subjects += [finding.subject for finding in found if finding.code == asked.code and finding.subject]
    return dict.fromkeys(subjects, said.replace("\0", "").strip()[:_LONGEST_ANSWER])


def answers_without(answers: Mapping[str, str], *, subject: str) -> dict[str, str]:
    """The answers except that to `subject`, which is asked again.   Raises: InvalidValue if there is none."""
    if subject not in answers:
        raise InvalidValue("subject", _("This was not answered."), value=subject)
    return {each: said for each, said in answers.items() if each != subject}


def fitting_answers(found: Iterable[Finding], file: BinaryIO) -> dict[str, str]:
    """The answers of a completed result file, as far as they match a question.

    Raises: FileUnreadable and its kinds.
    """
    asked = {finding.subject for finding in found}
    said = Decisions.read(file).by_subject
    return {subject: text[:_LONGEST_ANSWER] for subject, text in said.items() if subject in asked}
