"""The State Council's yearly notice on holidays (国务院办公厅关于…年部分节假日安排的通知), read as it is pasted. Pure.

What it says twice is compared: the weekday beside a date, and the number of days of a feast. So a slip of the copy, or a year
that is not meant, is seen before a station's hours go by it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils.translation import gettext as _

from stations.hours import DayKind, kind_by_weekday

__all__ = ["Notice", "NoticeUnread", "read_notice"]

# As the notice writes them, and as the calendar calls them.
FEASTS = {
    "元旦": "元旦", "春节": "春节", "清明节": "清明", "劳动节": "劳动节", "端午节": "端午", "中秋节": "中秋", "国庆节": "国庆节"
}  # fmt: skip
LONGEST_DAYS = 15

_FEAST = "|".join(FEASTS)
_YEAR = re.compile(rf"(\d{{4}})年(?:部分)?(?:节假日|(?:{_FEAST}))")
_DOCUMENT = re.compile(r"国办发明电[〔\[(]\d{4}[〕\])]\d{1,3}号")
_HEADED = re.compile(rf"((?:{_FEAST})(?:[、和](?:{_FEAST}))*):")
_DATE = r"(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日(?:\(([^()]*)\))?"
_DATES = re.compile(rf"{_DATE}(?:[至到~—-]{{1,2}}{_DATE})?")
_WEEKDAY = re.compile(r"(?:周|星期)([一二三四五六日天])")
_NUMBER = re.compile(r"(?:共|放假)(\d{1,3})天")
_END = re.compile(r"[。;](?![^()]*\))")
_CLAUSE = re.compile(r",(?![^()]*\))")
_ADVICE = ("鼓励", "建议")  # days on which some may rest: holidays for nobody else


class NoticeUnread(ValueError):
    """The notice cannot be read without guessing. `problems` are sentences for whoever pasted it, all there are."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(slots=True)
class Notice:
    """What a notice says of its year: days off and weekends that are worked, each with its feast, and sentences that set no day."""

    year: int
    document: str = ""  # its number, such as 国办发明电〔2025〕7号
    off: dict[date, str] = field(default_factory=dict)
    worked: dict[date, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def stretches(self) -> list[tuple[str, date, date, int]]:
        """The days off as people say them: feast, first day, last day, how many."""
        found: list[tuple[str, date, date, int]] = []
        for day, feast in sorted(self.off.items()):
            if found and found[-1][0] == feast and found[-1][2] == day - timedelta(days=1):
                found[-1] = (feast, found[-1][1], day, found[-1][3] + 1)
            else:
                found.append((feast, day, day, 1))
        return found

    def days(self) -> Iterator[tuple[date, DayKind, str]]:
        """Every day of the year, and those of the years beside it that the notice names, with kind and feast."""
        first, last = date(self.year, 1, 1), date(self.year, 12, 31)
        whole = {first + timedelta(days=number) for number in range((last - first).days + 1)}
        for day in sorted(whole | self.off.keys() | self.worked.keys()):
            if day in self.off:
                yield day, DayKind.HOLIDAY, self.off[day]
            elif day in self.worked:
                yield day, DayKind.SWAPPED_WORKDAY, self.worked[day]
            else:
                yield day, kind_by_weekday(day), ""


def read_notice(text: str) -> Notice:
    """The notice in `text`: its title and its list of feasts; what stands around them is passed over.

    Raises: NoticeUnread.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    year = _YEAR.search(plain)
    if year is None:
        raise NoticeUnread(
            [_("The notice does not say its year. Paste it with its title, such as “关于2027年部分节假日安排的通知”.")]
        )
    document = _DOCUMENT.search(plain)
    reader = _Reader(Notice(int(year[1]), document[0] if document else ""))
    _before, *parts = _HEADED.split(plain)
    for feasts, said in zip(parts[::2], parts[1::2], strict=True):
        reader.read(re.split("[、和]", feasts), said)
    return reader.read_whole()


class _Reader:
    """Goes through the feasts, and gathers what is wrong instead of stopping at the first."""

    def __init__(self, notice: Notice) -> None:
        self.notice = notice
        self.problems: list[str] = []
        self._met: set[str] = set()

    def read(self, feasts: list[str], said: str) -> None:
        """What is said of one feast, or of two that fall together."""
        self._met.update(feasts)
        name = "、".join(FEASTS[feast] for feast in feasts)
        before = len(self.notice.off)
        for sentence in filter(None, _END.split(said)):
            sets = False
            if not any(word in sentence for word in _ADVICE):
                for clause in _CLAUSE.split(sentence):
                    sets |= self._read_clause(name, clause, before)
            if not sets and _DATES.search(sentence):
                self.notice.left_out.append(f"{sentence}。")
        if len(self.notice.off) == before and not self.problems:
            self.problems.append(_("{feast}: no days off could be read.").format(feast=name))

    def read_whole(self) -> Notice:
        lacking = [feast for feast in FEASTS if feast not in self._met]
        if lacking:
            said = _("Nothing is said of {feasts}. Paste the whole notice.")
            self.problems.append(said.format(feasts=_(", ").join(lacking)))
        for day in sorted(self.notice.off.keys() & self.notice.worked.keys()):
            self.problems.append(_("{day} is both off and worked.").format(day=day))
        if self.problems:
            raise NoticeUnread(self.problems)
        return self.notice

    def _read_clause(self, name: str, clause: str, before: int) -> bool:
        """Take what `clause` sets; say whether it sets anything."""
        if "上班" in clause:
            for day in self._days(clause):
                if kind_by_weekday(day) is not DayKind.REST_DAY:
                    self.problems.append(_("{day} is no weekend, so it cannot be worked instead.").format(day=day))
                self.notice.worked[day] = name
            return True
        if "放假" in clause:
            self.notice.off |= dict.fromkeys(self._days(clause), name)
        number = _NUMBER.search(clause)
        if number and int(number[1]) != len(self.notice.off) - before:
            said = _("{feast}: {said} days are announced, and {read} were read.")
            self.problems.append(said.format(feast=name, said=number[1], read=len(self.notice.off) - before))
        return "放假" in clause

    def _days(self, clause: str) -> Iterator[date]:
        year, month = self.notice.year, 0
        for found in _DATES.finditer(clause):
            parts = found.groups()
            first = self._day(found[0], parts[:4], year, month)
            if first is None:
                continue
            month = first.month  # "4月26日、27日"
            last = first if parts[6] is None else self._day(found[0], parts[4:], first.year, month)
            if last is None:
                continue
            if not 0 <= (last - first).days < LONGEST_DAYS:
                self.problems.append(_("“{text}” is no stretch of days.").format(text=found[0]))
                continue
            yield from (first + timedelta(days=number) for number in range((last - first).days + 1))

    def _day(self, text: str, parts: tuple[str | None, ...], year: int, month: int) -> date | None:
        said_year, said_month, said_day, beside = parts
        try:
            day = date(int(said_year or year), int(said_month or month), int(said_day or 0))
        except ValueError:
            self.problems.append(_("“{text}” is no date.").format(text=text))
            return None
        weekday = _WEEKDAY.search(beside or "")
        if weekday and "一二三四五六日".index(weekday[1].replace("天", "日")) != day.weekday():
            said = _("“{text}”: {day} is another weekday. Check the year of the notice.")
            self.problems.append(said.format(text=text, day=day))
        if abs(day.year - self.notice.year) > 1:
            self.problems.append(_("“{text}” is no date.").format(text=text))
            return None
        return day
