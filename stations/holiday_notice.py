"""The State Council's yearly notice on holidays (国务院办公厅关于…年部分节假日安排的通知), read as it is pasted. Pure.

What it says twice is compared: the weekday beside a date, and the number of days of a holiday. So a copying mistake, or the
wrong year, is noticed before a station's hours depend on it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils.translation import gettext as _

from stations.hours import DayKind, kind_by_weekday

__all__ = ["Notice", "NoticeUnread", "read_notice"]

# As the notice writes them, without the 节 at the end, and as the calendar calls them.
FEASTS = {
    "元旦": "元旦", "春节": "春节", "清明": "清明", "劳动": "劳动节", "五一": "劳动节", "端午": "端午", "中秋": "中秋", "国庆": "国庆节"
}  # fmt: skip
LONGEST_DAYS = 15
MANY_ODD_WEEKDAYS = 4

_FEAST = rf"(?:{'|'.join(FEASTS)})节?"
_YEAR = re.compile(rf"(\d{{4}})年(?:部分)?(?:节假日|放假|{_FEAST})")
_DOCUMENT = re.compile(r"国办发明电[〔\[(]\d{4}[〕\])]\d{1,3}号")
# 元旦：1月1日, or 【元旦】1月1日 if it was copied with other punctuation or none.
_HEADED = re.compile(rf"({_FEAST}(?:[、和]{_FEAST})*)(?::|[^\w(]{{0,3}}(?=(?:\d{{4}}年)?\d{{1,2}}月))")
_AFTER_THE_LIST = re.compile(r"节假日期间|国务院办公厅\d{4}年")
_DATE = r"(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日(?:\(([^()]*)\))?"
_DATES = re.compile(rf"{_DATE}(?:[至到~〜–—―-]{{1,2}}{_DATE})?")
_WEEKDAY = re.compile(r"(?:周|星期)([一二三四五六日天])")
_NUMBER = re.compile(r"(?:共|放假|调休)(\d{1,3})天")
_SETS = re.compile("放假|补休|上班")
_END = re.compile(r"[。;](?![^()]*\))")
_CLAUSE = re.compile(r",(?![^()]*\))")
_ADVICE = ("鼓励", "建议")  # days on which some may rest: holidays for nobody else


class NoticeUnread(ValueError):
    """The notice cannot be read without guessing. `problems` lists every problem as a sentence for whoever pasted it."""

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
    """The notice in `text`: its title and its list of holidays; whatever is around them is skipped.

    Raises: NoticeUnread.
    """
    plain = _plain(text)
    before, *parts = _HEADED.split(plain)
    # A page may begin with a link to the notice of last year.
    years = _YEAR.findall(before) or _YEAR.findall(plain)[:1]
    if not years:
        raise NoticeUnread(
            [_("The notice does not say its year. Paste it with its title, such as “关于2027年部分节假日安排的通知”.")]
        )
    listed = [(_names(heading), said) for heading, said in zip(parts[::2], parts[1::2], strict=True)]
    if not listed:
        raise NoticeUnread([
            _("There is no list such as “元旦：1月1日…”. A notice that changes single days is entered in the list of day types, "
              "day by day.")
        ])  # fmt: skip
    said_of = Counter(name for names, _said in listed for name in names)
    if twice := [name for name, number in said_of.items() if number > 1]:
        said_twice = _("{feasts} stands there more than once. Paste one notice, without what stands around it.")
        raise NoticeUnread([said_twice.format(feasts=_(", ").join(twice))])
    names, said = listed[-1]
    listed[-1] = names, _AFTER_THE_LIST.split(said)[0]
    document = _DOCUMENT.search(plain)
    reader = _Reader(Notice(int(years[-1]), document[0] if document else ""))
    for names, said in listed:
        reader.read(names, said)
    return reader.read_whole()


def _plain(text: str) -> str:
    """`text` without spaces, signs of no width and emoji, full width folded."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        sign for sign in folded if not sign.isspace() and unicodedata.category(sign) not in ("Cf", "Mn", "So")
    )


def _names(heading: str) -> list[str]:
    return [FEASTS[word] for word in re.findall("|".join(FEASTS), heading)]


class _Reader:
    """Goes through the holidays, and collects what is wrong instead of stopping at the first problem."""

    def __init__(self, notice: Notice) -> None:
        self.notice = notice
        self.problems: list[str] = []
        self._met: set[str] = set()
        self._odd_weekdays: list[str] = []

    def read(self, names: list[str], said: str) -> None:
        """What is said of one feast, or of two that fall together."""
        self._met.update(names)
        name = "、".join(names)
        off_before = self.notice.off.keys() | set()
        for sentence in filter(None, _END.split(said)):
            if not any(word in sentence for word in _ADVICE):
                rest = self._read_sentence(name, sentence)
                self._compare_numbers(name, sentence, len(self.notice.off) - len(off_before))
            else:
                rest = sentence
            if _DATES.search(rest):
                self.notice.left_out.append(f"{sentence}。")
        off = self.notice.off.keys() - off_before
        if not off and not self.problems and not self._odd_weekdays:
            self.problems.append(_("{feast}: no days off could be read.").format(feast=name))
        # What stands behind the list may be about other days, such as the holidays of schools.
        worked = [day for day, feast in self.notice.worked.items() if feast == name]
        far = timedelta(days=LONGEST_DAYS)
        if off and (max(off) - min(off) >= far or any(not min(off) - far < day < max(off) + far for day in worked)):
            said = _("{feast}: some days lie too far apart. Paste the notice without what stands around it.")
            self.problems.append(said.format(feast=name))

    def read_whole(self) -> Notice:
        if len(self._odd_weekdays) >= MANY_ODD_WEEKDAYS:
            said = _("{number} weekdays are not those of {year}. Check the year of the notice.")
            raise NoticeUnread([said.format(number=len(self._odd_weekdays), year=self.notice.year)])
        self.problems = [*self._odd_weekdays, *self.problems]
        lacking = [name for name in dict.fromkeys(FEASTS.values()) if name not in self._met]
        if lacking:
            said = _("Nothing is said of {feasts}. Paste the whole notice.")
            self.problems.append(said.format(feasts=_(", ").join(lacking)))
        for day in sorted(self.notice.off.keys() & self.notice.worked.keys()):
            self.problems.append(_("{day} is both off and worked.").format(day=day))
        if self.problems:
            raise NoticeUnread(self.problems)
        return self.notice

    def _read_sentence(self, name: str, sentence: str) -> str:
        """Take what `sentence` sets; return the part that sets nothing."""
        rest = ""
        for clause in _CLAUSE.split(sentence):
            rest += f"{clause}、"  # "2月14日,2月28日上班": what the first says comes behind the second
            if _SETS.search(clause):
                self._read_clause(name, rest)
                rest = ""
        return rest

    def _read_clause(self, name: str, clause: str) -> None:
        days = dict.fromkeys(self._days(clause), name)
        if "上班" not in clause:
            self.notice.off |= days
            return
        for day in days:
            if kind_by_weekday(day) is not DayKind.REST_DAY:
                self.problems.append(_("{day} is no weekend, so it cannot be worked instead.").format(day=day))
        self.notice.worked |= days

    def _compare_numbers(self, name: str, sentence: str, read: int) -> None:
        for number in _NUMBER.findall(sentence):
            if int(number) != read:
                said = _("{feast}: {said} days are announced, and {read} were read.")
                self.problems.append(said.format(feast=name, said=number, read=read))

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
            self._odd_weekdays.append(said.format(text=text, day=day))
        if abs(day.year - self.notice.year) > 1:
            self.problems.append(_("“{text}” is no date.").format(text=text))
            return None
        return day
