"""The doubts of an import as questions with proper controls: one for each wording, however many rows have it."""

import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.utils.translation import gettext

from core import clock
from stations.access import Scope
from stations.admin.forms import amenity_choices
from stations.geo import Crs
from stations.importing import Finding, Severity
from stations.importing.findings import held_rows
from stations.importing.jobs import is_alike
from stations.importing.limits import MAX_FILE_BYTES
from stations.models import Division, ImportJob, Station

__all__ = ["Control", "Given", "Offers", "Question", "beside", "given", "questions", "settle"]

Choices = list[tuple[str, str]]
Groups = list[tuple[str, Choices]]
Place = Callable[[str, int], str]  # a sheet and a row in words


class Control(StrEnum):
    """How a question is answered."""

    RADIO = "radio"
    SELECT = "select"
    TEXT = "text"
    NONE = "none"  # answered only by correcting the list itself


@dataclass(slots=True)
class Question:
    """One doubt: what is written where, what is wrong with it, and how it can be answered."""

    finding: Finding
    places: list[str] = field(default_factory=list)
    control: Control = Control.NONE
    choices: Choices = field(default_factory=list)
    groups: Groups = field(default_factory=list)
    hint: str = ""  # how to write it
    other: str = ""  # label of the field for an answer that is not among the choices
    alike: int = 0  # how many other questions can be answered with it
    is_left_out: bool = False
    also: list[str] = field(default_factory=list)  # what else was found in its rows, which wait for the answer

    @property
    def is_doubt(self) -> bool:
        """Whether its rows wait for the answer. Rows of other questions are written, without the cell that is asked about."""
        return self.finding.holds_row


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given, and can be taken back."""

    subject: str
    about: str
    said: str


# Each cell of these columns is one of a few words.
_WORDS = {
    "tier": ("一类", "二类", "三类"),
    "status": ("启用", "草稿", "停用", "撤销"),
    "entry_mode": ("有人", "扫码", "刷卡", "密码"),
}


def beside(found: Sequence[Finding]) -> dict[tuple[str, int], list[str]]:
    """What else was found in the rows that are not written, by (sheet, row)."""
    held = held_rows(found)
    said: dict[tuple[str, int], list[str]] = defaultdict(list)
    for each in found:
        if not each.holds_row and (each.sheet, each.row) in held:
            cell = f"{each.column} {each.heading} ".lstrip() + each.value
            said[each.sheet, each.row].append(
                gettext("{cell}: {reason}").format(cell=cell.strip(), reason=each.reason)
                if cell.strip()
                else each.reason
            )
    return said


def questions(
    found: Sequence[Finding],
    answers: Mapping[str, str],
    *,
    is_waiting: bool,
    place: Place,
    offer: Callable[[Question], None],
) -> list[Question]:
    """What there is to answer, each wording once, those with waiting rows first; what was left out for now comes last.

    The answers to a long list are collected until it is checked again (`is_waiting`); they are shown among those given.
    `offer` says how a question is answered.

    Of questions that can be answered alike, the first stands for all. In a row that waits anyway, a question that holds nothing
    up is asked only when that row is settled.
    """
    also, held = beside(found), held_rows(found)
    refused = held_rows(each for each in found if each.severity is Severity.REFUSAL)
    asked: dict[str, Question] = {}
    for number, finding in enumerate(found):
        if finding.severity is Severity.REFUSAL and not finding.subject:
            continue
        row = (finding.sheet, finding.row)
        if not finding.holds_row and row in held:
            continue
        subject = finding.subject or f"#{number}"
        if is_waiting and answers.get(subject):
            continue
        question = asked.setdefault(subject, Question(finding, is_left_out=answers.get(subject) == ""))
        question.places.append(place(*row))
        if row not in refused:
            question.also += also.get(row, ())
    shown: dict[tuple[str, bool], Question] = {}
    for subject, question in asked.items():
        key = (question.finding.code if is_alike(question.finding) else subject, question.is_left_out)
        first = shown.setdefault(key, question)
        if first is not question:
            first.alike += 1
            first.places += question.places
    for question in shown.values():
        offer(question)
    return sorted(shown.values(), key=lambda question: (question.is_left_out, not question.is_doubt))


def _wording(subject: str) -> str:
    return subject.rpartition(":")[2] or subject


def given(answers: Mapping[str, str], about: Callable[[str], str] = _wording) -> list[Given]:
    """The answers so far, in words; `about` words the question."""
    names = dict(Division.objects.filter(pk__in=[said for said in answers.values() if said]).values_list("pk", "name"))
    return [
        Given(subject, about(subject), names.get(said, said) or gettext("left out for now"))
        for subject, said in answers.items()
    ]


def settle(options: ModelAdmin[Any], request: HttpRequest, verbs: Any, **the_list: Any) -> bool:
    """Do what a button among the questions says, by `verbs` of the module that keeps `the_list`; return whether it was one of
    these buttons.
    """
    asked, by_whom = request.POST, {"actor": request.user, "at": clock.now()}
    subject, others = asked.get("subject", ""), {"alike": True} if "alike" in asked else {}
    match asked.get("do", ""):
        case "answer" if said := asked.get("other", "").strip() or asked.get("said", "").strip():
            verbs.answer(**the_list, subject=subject, said=said, **others, **by_whom)
        case "answer":
            options.message_user(request, gettext("Choose an answer, or leave it out for now."), messages.ERROR)
        case "leave":
            verbs.answer(**the_list, subject=subject, said="", **others, **by_whom)
        case "take-back":
            verbs.take_back(**the_list, subject=subject, **by_whom)
        case "hand-back" if upload := request.FILES.get("file"):
            content = io.BytesIO(upload.read(MAX_FILE_BYTES + 1))
            _list, fitting = verbs.hand_back(**the_list, file=content, **by_whom)
            said = gettext("Answers taken from the file: {number}.").format(number=fitting)
            options.message_user(request, said, messages.SUCCESS if fitting else messages.WARNING)
        case "hand-back":
            options.message_user(request, gettext("Choose the result file that you filled in."), messages.ERROR)
        case "again":
            verbs.look_again(**the_list, **by_whom)
        case _:
            return False
    return True


class Offers:
    """The choices of the questions about a list of stations, each list made once and only if it is needed."""

    def __init__(self, job: ImportJob, scope: Scope) -> None:
        self._job = job
        self._scope = scope
        self._divisions: list[Division] | None = None

    def add_to(self, question: Question) -> None:
        finding = question.finding
        kind, _separator, rest = finding.subject.partition(":")
        if finding.choices:
            question.control, question.choices = Control.RADIO, list(finding.choices)
            if kind == "same":
                question.other = gettext("another station; its code:")
        elif kind == "division":
            question.control = Control.SELECT
            question.groups = self._places(rest.partition(":")[0], are_districts=finding.code == "district_unknown")
        elif kind == "amenity":
            question.control, question.groups = Control.SELECT, amenity_choices()
        elif kind in ("datum", "position"):
            question.control = Control.RADIO
            question.choices = [(str(crs), str(Station.Crs(str(crs)).label)) for crs in Crs]
        elif kind == "cell":
            words = _WORDS.get(rest.partition(":")[0])
            question.hint = finding.way_out
            if finding.code == "hours_unread":
                question.hint = gettext("such as 周一至周五 9:00-17:30; left so, couriers read it as it is written")
            question.control = Control.RADIO if words else Control.TEXT
            question.choices = [(word, word) for word in words or ()]

    def _places(self, district: str, *, are_districts: bool) -> Groups:
        """The districts, or the subdistricts by district, that the list may change."""
        if self._divisions is None:
            within = self._scope.divisions().filter(code__startswith=self._job.division_id)
            levels = [Division.Level.DISTRICT, Division.Level.SUBDISTRICT]
            self._divisions = list(within.filter(level__in=levels).order_by("code"))
        districts = {node.code: node.label for node in self._divisions if node.level == Division.Level.DISTRICT}
        if are_districts and districts:
            return [("", list(districts.items()))]
        groups: dict[str, Choices] = {}
        for node in self._divisions:
            if node.level == Division.Level.SUBDISTRICT and node.code.startswith(district):
                groups.setdefault(districts.get(node.district_code, ""), []).append((node.code, node.label))
        return list(groups.items())
