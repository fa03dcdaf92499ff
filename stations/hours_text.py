"""Opening hours as text: what an office writes, OpenStreetMap's `opening_hours`, and schema.org.

A text is read completely or not at all. A text with one word that is not understood ("8:00-20:00, closed at noon if nobody
is there") is prose: it is shown as written, and nothing is guessed from it.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from itertools import combinations
from typing import Any

from django.utils.translation import gettext as _

from stations.hours import HOLIDAY, DatedException, OnHolidays, Period, Schedule, Span
from stations.words import simplified

__all__ = ["ParsedHours", "format_en", "format_osm", "format_zh", "parse_hours", "schema_org", "schema_org_special"]

EVERY_DAY = frozenset(range(1, 8))
WORKDAYS = frozenset(range(1, 6))
WEEKEND = frozenset({6, 7})
SUNDAY = 7
# Only month and day of a yearly season count; a leap year, so that it may end on 29 February.
ANY_YEAR = 2000
# OpenStreetMap has no season without a beginning.
OSM_BEGINNING = date(1970, 1, 1)
DAY_MIN = 24 * 60
# An hour from 13 on shows that a clock of 24 hours is meant, so that a smaller closing hour is the next day's.
CLOCK_OF_24_MIN = 13 * 60

_Opening = tuple[time, time, str]


@dataclass(frozen=True, slots=True)
class ParsedHours:
    """What was read. `rest` is where reading stopped, `doubts` say why; with `is_read` false there are no periods."""

    periods: tuple[Period, ...]
    is_read: bool
    doubts: tuple[str, ...] = ()
    rest: str = ""


class _Unread(Exception):
    """Reading stopped. This is not an error: most hours in the city's lists are prose."""

    def __init__(self, rest: str, doubt: str = "") -> None:
        super().__init__(doubt)
        self.rest, self.doubt = rest, doubt or _("“{text}” is not understood.").format(text=rest[:40])


def parse_hours(text: str) -> ParsedHours:
    """Read `text`, Chinese office wording or OpenStreetMap's, completely or not at all."""
    written = simplified(" ".join(unicodedata.normalize("NFKC", text).split()))
    if not written:
        return ParsedHours(periods=(), is_read=False)
    try:
        periods = _parse_osm(written) if written.isascii() and _OSM_WORD.search(written) else _parse_zh(written)
    except _Unread as unread:
        return ParsedHours(periods=(), is_read=False, doubts=(unread.doubt,), rest=unread.rest)
    return ParsedHours(periods=periods, is_read=True)


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _minute(wall_clock: time) -> int:
    return wall_clock.hour * 60 + wall_clock.minute


@dataclass(slots=True)
class _Season:
    """The dates of a period while it is read; without dates the usual one."""

    name: str = ""
    valid_from: date | None = None
    valid_through: date | None = None
    repeats_yearly: bool = False

    def period(self, spans: Iterable[Span], on_holidays: OnHolidays) -> Period:
        return Period(
            spans=tuple(spans),
            valid_from=self.valid_from,
            valid_through=self.valid_through,
            repeats_yearly=self.repeats_yearly,
            on_holidays=on_holidays,
            name=self.name,
        )


def _date(year: int, month: int, day: int, *, rest: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise _Unread(rest, _("“{text}” is no date.").format(text=rest[:40])) from None


def _last_of_month(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


# ── Reading Chinese ─────────────────────────────────────────────────────────────────────────────────────────────────

_NUMERALS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_WEEKDAYS_ZH = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "日": 7, "天": 7} | {
    str(n): n for n in range(1, 8)
}
_PARTS = "凌晨|清晨|早晨|早上|上午|中午|下午|傍晚|晚上|晚间|夜晚|夜间|夜里|早|晚"
_AFTER_NOON = ("中午", "下午", "傍晚", "晚上", "晚间", "夜晚", "夜间", "夜里", "晚")
_NUMERAL = "[零〇一二两三四五六七八九十]{1,3}"


def _time_zh(which: str) -> str:
    """The pattern of one time; its groups are named after `which`."""
    return (
        rf"(?P<{which}_next>次日|翌日|第二天)?(?P<{which}_part>{_PARTS})?(?P<{which}_hour>\d{{1,2}}|{_NUMERAL})"
        rf"(?:[:.](?P<{which}_minute>\d\d)(?::00)?(?!\d)|(?P<{which}_unit>点钟?|时)"
        rf"(?:(?P<{which}_spoken>\d{{1,2}}(?![\d:点时])|{_NUMERAL}(?![点时]))分?|(?P<{which}_fraction>半|一刻|三刻)|整)?)"
    )


def _date_zh(which: str) -> str:
    return rf"(?:(?P<{which}_year>[12]\d{{3}})年)?(?P<{which}_month>\d{{1,2}})月(?:(?P<{which}_day>\d{{1,2}})[日号])?"


_RANGE_ZH = re.compile(
    # In "8-20点" the unit is said once.
    rf"(?:{_time_zh('opens')}|(?P<bare_part>{_PARTS})?(?P<bare_hour>\d{{1,2}})(?=-(?:{_PARTS})?\d{{1,2}}[点时]))"
    rf"-{_time_zh('closes')}",
    re.ASCII,
)
# "早九晚五", "早8晚6".
_SHORT_DAY = re.compile(rf"早(\d{{1,2}}|{_NUMERAL})点?-?晚(\d{{1,2}}|{_NUMERAL})点?(?![\d:.时半一三])", re.ASCII)
# "除节假日外".
_EXCEPT = re.compile("除((?:国家)?(?:法定)?节?假日|周末|双休日|(?:周|星期)[一二三四五六日天])(?:以?外)?")
# "0830-1730"; what begins with 19 or 20 may be years.
_NO_COLONS = re.compile(r"(?<![\d:.])(0\d|1[0-8])([0-5]\d)-([01]\d|2[0-4])([0-5]\d)(?![\d:.年月])", re.ASCII)
_SEASON_ZH = re.compile(
    r"(?:(?P<name>[一-鿿A-Za-z]{1,30})(?=\()|(?P<plain>夏季|冬季|春季|秋季|夏天|冬天|暑期|暑假|寒假))?"
    rf"(?P<bracket>\()?(?P<yearly>每年)?(?:{_date_zh('first')}-{_date_zh('last')}|(?P<since>{_date_zh('since')})起"
    rf"|-(?P<until>{_date_zh('until')})止)(?(bracket)\))",
    re.ASCII,
)
_WEEK = "(?:周|星期|礼拜)"
_WEEKDAY = r"(?:[一二三四五六日天](?![点时十月])|[1-7](?![\d:.点时]))"
_WEEKDAYS_SEEN = re.compile(
    rf"{_WEEK}(?P<first>{_WEEKDAY})(?:-{_WEEK}?(?P<last>{_WEEKDAY})|(?P<more>(?:,?{_WEEK}?[二三四五六日天](?![点时十月-]))+))?"
)
_DAY_WORDS = (
    (re.compile("每天|每日|天天"), EVERY_DAY),
    (re.compile("非工作日"), WEEKEND | {HOLIDAY}),
    (re.compile("工作日"), WORKDAYS),
    (re.compile("周末|双休日"), WEEKEND),
    (re.compile("(?:国家)?(?:法定)?节?假日|(?:国家)?法定节日|公众假期"), frozenset({HOLIDAY})),
)
_NO_NAME = re.compile("节|放假|[至到]|周|星期|礼拜|每天|每日|工作日|休日|假日|平时|日常|营业|开放|时间")
_WORDS_ZH = (
    (
        "as-usual",
        re.compile(
            r"含(?:国家)?(?:法定)?节?假日|(?:国家)?(?:法定)?节?假日(?:照常|正常|不休息?|无休)|(?:全年)?无休|全年不休"
        ),
    ),
    ("round-the-clock", re.compile(r"(?:全天)?(?:24|二十四)(?:个?小时|[hH])|7[*x×]24(?:小时)?|24/7|全天候?|全时段")),
    ("no-break", re.compile("(?:中午|午间)(?:不休息?|无休|照常(?:开放|营业)?)")),
    ("closed", re.compile("不开放|不营业|闭馆|关闭|停业|休息|除外")),
    ("mode", re.compile(r"\([需须凭]?(?P<mode>扫码|刷卡|密码)(?:进门|进入|开门)?\)")),
    ("usual", re.compile("平时|平常|其他时间|其余时间")),
    ("and", re.compile("以及|[及和与]")),
    ("comma", re.compile("[,，]")),
    ("stop", re.compile("[;()]")),
    ("filler", re.compile(r"(?:(?:对外)?(?:营业|开放|服务|工作)时间:?|对外开放|开放|营业|服务|:)")),
)
_MODES_ZH = {"扫码": "scan", "刷卡": "card", "密码": "code"}


@dataclass(slots=True)
class _Token:
    kind: str
    at: int
    days: frozenset[int] = frozenset()
    opens_min: int = 0
    closes_min: int = 0
    mode: str = ""
    season: _Season | None = None


@dataclass(slots=True)
class _Draft:
    """A period while it is read: groups of days with their spans, and days said to be closed."""

    season: _Season
    groups: list[tuple[frozenset[int], list[tuple[int, int, str]]]] = field(default_factory=list)
    closed: frozenset[int] = frozenset()
    is_closed: bool = False
    is_as_usual: bool = False
    # "Not closed at noon".
    has_no_break: bool = False
    # The first group was written without its days: it is of those that no other names.
    is_first_for_the_rest: bool = False

    def period(self, *, rest: str) -> Period:
        self._leave_named_days()
        if self.has_no_break and any(len(ranges) > 1 for _days, ranges in self.groups):
            raise _Unread(rest, _("One day has two different hours."))
        named = [day for days, _ranges in self.groups for day in days]
        left = [(days - self.closed, ranges) for days, ranges in self.groups]
        if len(named) != len(set(named)) or not all(days for days, _ranges in left):
            if any(one[0] & two[0] and one[1] == two[1] for one, two in combinations(self.groups, 2)):
                raise _Unread(rest, _("The same times are written twice."))
            raise _Unread(rest, _("One day has two different hours."))
        if self.is_closed == bool(self.groups):
            raise _Unread(rest, _("There are no times of day."))
        has_own_holidays = HOLIDAY in self.closed or HOLIDAY in named
        if has_own_holidays and self.is_as_usual:
            raise _Unread(rest, _("One day has two different hours."))
        return self.season.period(
            (
                Span(days=days, opens=_time(opens_min), closes=_time(closes_min), entry_mode=mode)
                for days, ranges in left
                for opens_min, closes_min, mode in _in_order(ranges, rest=rest)
            ),
            OnHolidays.OWN_HOURS
            if has_own_holidays
            else OnHolidays.AS_USUAL
            if self.is_as_usual
            else OnHolidays.AS_SUNDAY,
        )

    def _leave_named_days(self) -> None:
        """In "8:30-17:30，周末9:00-16:00" the first hours are those of the other days.

        Where fewer days are left than named ("8:30-17:30 周一至周五 9:00-12:00 周六"), the days may stand behind their hours.
        """
        named = frozenset(day for days, _ranges in self.groups[1:] for day in days) & EVERY_DAY
        if self.is_first_for_the_rest and len(named) < len(EVERY_DAY - named):
            self.groups[0] = (EVERY_DAY - named, self.groups[0][1])


def _in_order(ranges: list[tuple[int, int, str]], *, rest: str) -> list[tuple[int, int, str]]:
    """`ranges`, each of which begins after the one before.

    "8:30-12:00, 2:30-6:00" means the afternoon without saying so.
    """
    ends: dict[str, int] = {}
    if len(ranges) != len(set(ranges)):
        raise _Unread(rest, _("The same times are written twice."))
    for opens_min, closes_min, mode in ranges:
        if opens_min < ends.get(mode, 0):
            raise _Unread(rest, _("The times do not follow one another. Write the hours from 0 to 24."))
        ends[mode] = closes_min if closes_min > opens_min else closes_min + DAY_MIN
    return ranges


def _parse_zh(written: str) -> tuple[Period, ...]:
    text = re.sub(r"[~〜∼–—―−‐‑‒至到]+|-+", "-", written).replace("、", ",").replace("。", ";").replace("∶", ":")
    text = text.replace("--", "-")
    # A space separates two adjacent times; elsewhere it means nothing.
    text = re.sub(r"(?<=[\d点时分半]) (?=[\d上下早中晚凌])", ",", text).replace(" ", "").rstrip(";")
    # "7-9月" and "7月-9月" are one.
    text = re.sub(r"(?<![\d日月号:])(\d{1,2})-(?=\d{1,2}月(?!\d{1,2}[日号]))", r"\1月-", text)
    text = _EXCEPT.sub(r"\1除外", text)
    text = _SHORT_DAY.sub(r"早\1点-晚\2点", text)
    text = _NO_COLONS.sub(r"\1:\2-\3:\4", text)
    tokens = list(_tokens_zh(text))
    drafts: list[_Draft] = [_Draft(_Season())]
    at = 0

    def kind(step: int = 0) -> str:
        return tokens[at + step].kind if at + step < len(tokens) else "end"

    def rest() -> str:
        return text[tokens[at].at :] if at < len(tokens) else ""

    def sign(step: int = 0) -> str:
        return text[tokens[at + step].at] if kind(step) == "stop" else ""

    def days_behind(found: list[tuple[int, int, str]]) -> frozenset[int]:
        """The days in "9:00-17:00(周一至周五)"; behind several times, only the days of work are surely those of all."""
        nonlocal at
        days, step = frozenset[int](), 1
        while sign() == "(" and kind(step) in ("days", "comma", "and"):
            days |= tokens[at + step].days
            step += 1
        if sign(step) != ")" or not (days if len(found) == 1 else days >= WORKDAYS):
            return frozenset()
        at += step + 1
        return days

    def ranges() -> list[tuple[int, int, str]]:
        nonlocal at
        found: list[tuple[int, int, str]] = []
        while kind() == "range":
            token = tokens[at]
            at += 1
            mode = "staffed"
            if kind() == "mode":
                mode = tokens[at].mode
                at += 1
            found.append((token.opens_min, token.closes_min, mode))
            step = 0
            while kind(step) in ("comma", "stop", "and", "filler"):
                step += 1
            if kind(step) == "range":
                at += step
        return found

    while at < len(tokens):
        token, draft = tokens[at], drafts[-1]
        if token.kind in ("comma", "stop", "filler"):
            at += 1
        elif token.kind in ("season", "usual"):
            at += 1
            if token.season is None and any(each.season == _Season() and each.groups for each in drafts):
                raise _Unread(text[token.at :])
            drafts.append(_Draft(token.season or _Season()))
        elif token.kind == "as-usual":
            draft.is_as_usual = True
            at += 1
        elif token.kind == "days":
            days = token.days
            at += 1
            while kind() == "days" or (kind() in ("comma", "and") and kind(1) == "days"):
                at += kind() != "days"
                days |= tokens[at].days
                at += 1
            if (sign(), kind(1), kind(2), sign(3)) == ("(", "days", "closed", ")"):
                draft.closed |= tokens[at + 1].days
                at += 4
            step = 0
            while kind(step) in ("filler", "comma", "stop") and sign(step) != ";":
                step += 1
            if kind(step) == "range":
                at += step
                draft.groups.append((days, ranges()))
            elif kind(step) == "closed":
                draft.closed |= days
                at += step + 1
            else:
                raise _Unread(text[token.at :])
        elif token.kind == "range":
            found = ranges()
            days = days_behind(found)
            if draft.groups and not days:
                raise _Unread(text[token.at :])
            draft.is_first_for_the_rest |= not days
            draft.groups.append((days or EVERY_DAY, found))
        elif token.kind == "no-break":
            draft.has_no_break = True
            at += 1
        elif token.kind == "closed" and draft.season != _Season() and not draft.groups and not draft.closed:
            draft.is_closed = True
            at += 1
        else:
            raise _Unread(rest())
    drafts = [draft for draft in drafts if draft != _Draft(_Season())]
    if not drafts:
        raise _Unread(text)
    return tuple(draft.period(rest=text) for draft in drafts)


def _tokens_zh(text: str) -> Iterable[_Token]:
    at = 0
    while at < len(text):
        token, at = _token_zh(text, at)
        yield token


def _token_zh(text: str, at: int) -> tuple[_Token, int]:
    if match := _SEASON_ZH.match(text, at):
        return _Token("season", at, season=_season_zh(match)), match.end()
    for kind, pattern in _WORDS_ZH:
        if match := pattern.match(text, at):
            if kind == "round-the-clock":
                return _Token("range", at, opens_min=0, closes_min=DAY_MIN), match.end()
            mode = _MODES_ZH[match["mode"]] if kind == "mode" else ""
            return _Token(kind, at, mode=mode), match.end()
    if match := _RANGE_ZH.match(text, at):
        opens_min, closes_min = _range_zh(match)
        return _Token("range", at, opens_min=opens_min, closes_min=closes_min), match.end()
    for pattern, days in _DAY_WORDS:
        if match := pattern.match(text, at):
            return _Token("days", at, days=days), match.end()
    if match := _WEEKDAYS_SEEN.match(text, at):
        return _Token("days", at, days=_weekdays_zh(match)), match.end()
    raise _Unread(text[at:])


def _weekdays_zh(match: re.Match[str]) -> frozenset[int]:
    first = _WEEKDAYS_ZH[match["first"]]
    if match["last"]:
        return _day_range(first, _WEEKDAYS_ZH[match["last"]])
    more = [_WEEKDAYS_ZH[char] for char in match["more"] or "" if char in _WEEKDAYS_ZH]
    return frozenset({first, *more})


def _day_range(first: int, last: int) -> frozenset[int]:
    return frozenset((first + step - 1) % 7 + 1 for step in range((last - first) % 7 + 1))


def _season_zh(match: re.Match[str]) -> _Season:
    name = match["name"] or match["plain"] or ""
    if match["name"] and not _is_plain_name(name):
        raise _Unread(match.string[match.start() :])
    rest = match.string[match.start() :]

    def day(which: str, *, year: int, is_last: bool = False) -> date:
        month = int(match[f"{which}_month"])
        if not 1 <= month <= 12:
            raise _Unread(rest, _("“{text}” is no date.").format(text=rest[:40]))
        default = _last_of_month(year, month) if is_last else 1
        return _date(year, month, int(match[f"{which}_day"] or default), rest=rest)

    if match["since"] or match["until"]:
        which = "since" if match["since"] else "until"
        if match["yearly"] or not match[f"{which}_year"]:
            raise _Unread(rest)
        bound = day(which, year=int(match[f"{which}_year"]), is_last=which == "until")
        return _Season(name, bound, None) if which == "since" else _Season(name, None, bound)
    first_year, last_year = match["first_year"], match["last_year"]
    if not first_year and not last_year:
        first, last = day("first", year=ANY_YEAR), day("last", year=ANY_YEAR, is_last=True)
        return _Season(name, first, last, repeats_yearly=True)
    if not first_year or match["yearly"]:
        raise _Unread(rest)
    first = day("first", year=int(first_year))
    last = day("last", year=int(last_year or first_year), is_last=True)
    if last < first:
        raise _Unread(rest, _("The last day lies before the first."))
    return _Season(name, first, last)


def _is_plain_name(name: str) -> bool:
    """Whether a name can precede its dates: not a word of the week, nor a holiday, which moves from year to year."""
    return re.fullmatch("[一-鿿A-Za-z]{1,30}", name) is not None and not _NO_NAME.search(name)


def _range_zh(match: re.Match[str]) -> tuple[int, int]:
    """Minutes of opening and closing; closing may be 1440."""
    said = match[0]
    if match["opens_next"]:
        raise _Unread(match.string[match.start() :])
    opens_part, hour = match["opens_part"] or match["bare_part"], match["opens_hour"] or match["bare_hour"]
    opens_hour, opens_rest = _number(hour), _minutes(match, "opens") if match["opens_hour"] else 0
    closes_hour, closes_rest = _number(match["closes_hour"]), _minutes(match, "closes")
    part = match["closes_part"]
    opens_min = _on_clock(opens_hour, opens_rest, opens_part, said=said)
    if opens_min == DAY_MIN or (opens_part is None and len(hour) == 1 and 1 <= opens_hour <= 4):
        raise _Unread(said, _("“{text}”: write the hours from 0 to 24, such as 14:00.").format(text=said))
    if part is None and not match["closes_next"] and opens_part in _AFTER_NOON and closes_hour <= 12:
        # "下午2:00-6:00": the afternoon applies to both, unless it is over by then ("晚上10:00-6:00").
        closes_min = _on_clock(closes_hour, closes_rest, None, said=said)
        if closes_hour == 12:
            part = opens_part  # noon, midnight, or (in the afternoon) neither
        elif closes_min + DAY_MIN // 2 > opens_min:
            return opens_min, closes_min + DAY_MIN // 2
    closes_min = _on_clock(closes_hour, closes_rest, part, said=said)
    is_next_day = bool(match["closes_next"])
    if is_next_day:
        is_clear = closes_min <= opens_min
    elif closes_min < opens_min:
        # An hour 0 is midnight on either clock.
        is_clear = opens_min >= CLOCK_OF_24_MIN or part == "凌晨" or closes_hour == 0
    else:
        is_clear = closes_min > opens_min
    if not is_clear:
        if closes_min == opens_min and opens_part is None and part is None:
            raise _Unread(
                said, _("“{text}”: opens and closes at the same moment. Open all day is 24小时.").format(text=said)
            )
        raise _Unread(said, _("“{text}”: write the hours from 0 to 24, such as 14:00.").format(text=said))
    return opens_min, closes_min


def _minutes(match: re.Match[str], which: str) -> int:
    if fraction := match[f"{which}_fraction"]:
        return {"半": 30, "一刻": 15, "三刻": 45}[fraction]
    return _number(match[f"{which}_minute"] or match[f"{which}_spoken"] or "0")


def _number(said: str) -> int:
    """A number of at most two digits, or 零 to 九十九."""
    if said.isdecimal() and said.isascii():
        return int(said)
    tens, ten, ones = said.rpartition("十")
    if not ten:
        digits = [_NUMERALS[char] for char in said]
        if len(digits) == 1 or (len(digits) == 2 and digits[0] == 0):
            return digits[-1]
    elif _NUMERALS.get(tens or "一", 0) and (ones or "零") in _NUMERALS:
        return _NUMERALS[tens or "一"] * 10 + _NUMERALS[ones or "零"]
    raise _Unread(said)


def _on_clock(hour: int, minute: int, part: str | None, *, said: str) -> int:
    """Minutes since midnight of a time said with its part of the day."""
    match part:
        case None:
            clock_hour = hour
        case "凌晨":
            clock_hour = {12: 0}.get(hour, hour if hour <= 6 else 99)
        case "清晨" | "早晨" | "早上" | "早":
            clock_hour = hour if hour <= 11 else 99
        case "上午":
            clock_hour = hour if hour <= 12 else 99
        case "中午":
            clock_hour = {11: 11, 12: 12, 13: 13, 14: 14, 1: 13, 2: 14}.get(hour, 99)
        case "下午" | "傍晚":
            clock_hour = hour + 12 if 1 <= hour <= 11 else hour if 13 <= hour <= 20 else 99
        case _:
            clock_hour = hour + 12 if 5 <= hour <= 12 else hour if 17 <= hour <= 24 else {0: 24}.get(hour, 99)
    if minute > 59 or clock_hour > 24 or (clock_hour == 24 and minute):
        raise _Unread(said, _("“{text}” has no such time of day.").format(text=said))
    return clock_hour * 60 + minute


# ── Reading OpenStreetMap ───────────────────────────────────────────────────────────────────────────────────────────

_DAYS_OSM = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MONTHS_OSM = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MODES_OSM = {"scan": "scan a code", "card": "union or staff card", "code": "door code"}
_ONE_DAY_OSM = "(?:Mo|Tu|We|Th|Fr|Sa|Su|PH)"
_ONE_DATE_OSM = rf"(?:[12]\d{{3}} )?(?:{'|'.join(_MONTHS_OSM)})(?: \d{{1,2}}(?![\d:]))?"
_TIMES_OSM = r"\d{1,2}:\d\d ?- ?\d{1,2}:\d\d"
_OSM_WORD = re.compile(rf"\b(?:{_ONE_DAY_OSM}|{'|'.join(_MONTHS_OSM)})\b|^24/7")
_RULE_OSM = re.compile(
    rf"(?:(?P<since>{_ONE_DATE_OSM})(?:(?P<open_end>\+)| ?- ?(?P<until>{_ONE_DATE_OSM}|\d{{1,2}}(?![\d:])))?:? ?)?"
    rf"(?P<days>{_ONE_DAY_OSM}(?: ?[-,] ?{_ONE_DAY_OSM})*)? ?"
    rf"(?:(?P<times>{_TIMES_OSM}(?: ?, ?{_TIMES_OSM})*)|(?P<always>24/7)|(?P<closed>off|closed))"
    r'(?: "(?P<comment>[^"]*)")?'
)


@dataclass(slots=True)
class _RulesOsm:
    """What the rules read so far say about one period; a later rule replaces an earlier one on the same days."""

    season: _Season
    days: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)
    # Weekdays whose rule came after that for holidays and so, in OpenStreetMap's reading, undid it.
    after_holidays: set[int] = field(default_factory=set)

    def apply(self, days: frozenset[int], ranges: list[tuple[int, int, str]], *, adds: bool) -> None:
        for day in days:
            self.days[day] = [*self.days.get(day, ()), *ranges] if adds else list(ranges)
        if HOLIDAY in days:
            self.after_holidays = set()
        elif HOLIDAY in self.days and not adds:
            self.after_holidays |= days
            if self.after_holidays >= EVERY_DAY:
                del self.days[HOLIDAY]
                self.after_holidays = set()

    def period(self, *, rest: str) -> Period:
        if self.after_holidays:
            raise _Unread(rest, _("Put the rule for PH behind the rules for weekdays."))
        spans: dict[tuple[int, int, str], set[int]] = {}
        for day, ranges in sorted(self.days.items()):
            for opening in ranges:
                spans.setdefault(opening, set()).add(day)
        return self.season.period(
            (
                Span(days=frozenset(days), opens=_time(opens_min), closes=_time(closes_min), entry_mode=mode)
                for (opens_min, closes_min, mode), days in spans.items()
            ),
            OnHolidays.OWN_HOURS if HOLIDAY in self.days else OnHolidays.AS_USUAL,
        )


def _parse_osm(written: str) -> tuple[Period, ...]:
    usual = _RulesOsm(_Season())
    seasons: list[_RulesOsm] = []
    at, adds = 0, False
    while True:
        rest = written[at:]
        match = _RULE_OSM.match(written, at)
        if match is None:
            raise _Unread(rest)
        days, ranges = _days_osm(match["days"], rest=rest), _ranges_osm(match, rest=rest)
        if match["since"]:
            season = _season_osm(match, rest=rest)
            rules = next((each for each in seasons if each.season == season), None)
            if rules is None:
                rules = _RulesOsm(season, {day: list(each) for day, each in usual.days.items()})
                seasons.append(rules)
            rules.apply(days, ranges, adds=adds)
        else:
            for rules in (usual, *seasons):
                rules.apply(days, ranges, adds=adds)
        at = match.end()
        if at == len(written):
            break
        separator = re.compile(" ?([;,]) ?").match(written, at)
        if separator is None:
            raise _Unread(written[at:])
        at, adds = separator.end(), separator[1] == ","
        if at == len(written):
            break
    periods = tuple(rules.period(rest=written) for rules in (usual, *seasons) if rules.days)
    if not any(period.spans for period in periods) and not seasons:
        raise _Unread(written, _("There are no times of day."))
    return periods


def _days_osm(said: str | None, *, rest: str) -> frozenset[int]:
    if not said:
        return EVERY_DAY
    found: set[int] = set()
    for part in said.replace(" ", "").split(","):
        first, *more = part.split("-")
        if len(more) > 1 or (more and "PH" in (first, more[0])):
            raise _Unread(rest)
        if first == "PH":
            found.add(HOLIDAY)
        else:
            found |= _day_range(_DAYS_OSM.index(first) + 1, _DAYS_OSM.index(more[0] if more else first) + 1)
    return frozenset(found)


def _ranges_osm(match: re.Match[str], *, rest: str) -> list[tuple[int, int, str]]:
    mode = "staffed"
    if match["comment"] is not None:
        mode = next((mode for mode, comment in _MODES_OSM.items() if comment == match["comment"]), "")
        if not mode or match["closed"]:
            raise _Unread(rest)
    if match["closed"]:
        return []
    if match["always"]:
        return [(0, DAY_MIN, mode)]
    ranges = []
    for said in match["times"].replace(" ", "").split(","):
        opens_hour, opens_rest, closes_hour, closes_rest = map(int, re.split("[:-]", said))
        opens_min, closes_min = opens_hour * 60 + opens_rest, closes_hour * 60 + closes_rest
        # "22:00-26:00" is OpenStreetMap's other way to write the next day.
        if (
            max(opens_rest, closes_rest) > 59
            or opens_min >= DAY_MIN
            or closes_min > opens_min + DAY_MIN
            or closes_min == opens_min
        ):
            raise _Unread(rest, _("“{text}” has no such time of day.").format(text=said))
        ranges.append((opens_min, closes_min, mode))
    return ranges


def _season_osm(match: re.Match[str], *, rest: str) -> _Season:
    since = match["since"].split()
    year = int(since.pop(0)) if since[0].isdecimal() else None
    first_month = _MONTHS_OSM.index(since[0]) + 1
    first = _date(year or ANY_YEAR, first_month, int(since[1]) if len(since) > 1 else 1, rest=rest)
    if match["open_end"]:
        if year is None:
            raise _Unread(rest)
        return _Season("", first, None)
    if match["until"] is None:
        last_year, last_month, last_day = year, first_month, int(since[1]) if len(since) > 1 else 0
    else:
        until = match["until"].split()
        last_year = int(until.pop(0)) if len(until[0]) == 4 else year
        last_month = first_month if until[0].isdecimal() else _MONTHS_OSM.index(until.pop(0)) + 1
        last_day = int(until[0]) if until else 0
    if (year is None) != (last_year is None):
        raise _Unread(rest)
    last = _date(
        last_year or ANY_YEAR, last_month, last_day or _last_of_month(last_year or ANY_YEAR, last_month), rest=rest
    )
    if year is None:
        return _Season("", first, last, repeats_yearly=True)
    if last < first:
        raise _Unread(rest, _("The last day lies before the first."))
    return _Season("", None if first == OSM_BEGINNING else first, last)


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _openings(period: Period, day: int) -> tuple[_Opening, ...]:
    """What opens on `day` (8: a holiday by the period's own hours), sorted, touching openings of one mode as one."""
    found: list[tuple[int, int, str]] = []
    for span in sorted(period.spans, key=lambda span: (span.opens, span.closes, span.entry_mode)):
        if day not in span.days:
            continue
        opens_min, closes_min = _minute(span.opens), _minute(span.closes)
        closes_min += DAY_MIN if closes_min <= opens_min else 0
        mode = span.entry_mode
        before = next((each for each in reversed(found) if each[2] == mode), None)
        if before is not None and opens_min <= before[1]:
            found.remove(before)
            if max(closes_min, before[1]) - before[0] <= DAY_MIN:
                opens_min, closes_min = before[0], max(closes_min, before[1])
            else:  # together longer than one span can be
                found.append((before[0], opens_min, mode))
        found.append((opens_min, closes_min, mode))
    return tuple((_time(opens_min), _time(closes_min), mode) for opens_min, closes_min, mode in sorted(found))


def _groups(period: Period) -> list[tuple[list[int], tuple[_Opening, ...]]]:
    """The weekdays that have the same openings, together; closed days too."""
    groups: dict[tuple[_Opening, ...], list[int]] = {}
    for day in sorted(EVERY_DAY):
        groups.setdefault(_openings(period, day), []).append(day)
    return [(days, openings) for openings, days in groups.items()]


def _is_uniform(period: Period) -> bool:
    """Whether every day is like the others, holidays included: then nothing need be said of them."""
    groups = _groups(period)
    return len(groups) == 1 and (
        period.on_holidays != OnHolidays.OWN_HOURS or _openings(period, HOLIDAY) == groups[0][1]
    )


def _runs(days: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for day in days:
        if runs and runs[-1][1] == day - 1:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _days_text(days: Sequence[int], names: Sequence[str], *, to: str, comma: str) -> str:
    return comma.join(
        names[first - 1] if first == last else names[first - 1] + (to if last > first + 1 else comma) + names[last - 1]
        for first, last in _runs(days)
    )


_NAMES_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def format_zh(periods: Iterable[Period]) -> str:
    """The short form of an office: "周一至周五8:30-17:30，周末9:00-16:00，节假日休息"."""
    return "；".join(filter(None, map(_period_zh, periods)))


def _period_zh(period: Period) -> str:
    clauses = []
    for days, openings in _groups(period):
        if not openings:
            continue
        if len(days) == len(EVERY_DAY):
            said = "每天"
        elif days == [6, 7]:
            said = "周末"
        else:
            said = _days_text(days, _NAMES_ZH, to="至", comma="、")
        clauses.append(said + "、".join(map(_opening_zh, openings)))
    season = _season_text_zh(period)
    own = _openings(period, HOLIDAY) if period.on_holidays == OnHolidays.OWN_HOURS else ()
    if not clauses and not own:
        return f"{season}休息" if season else ""
    if not _is_uniform(period):
        if period.on_holidays == OnHolidays.AS_USUAL:
            clauses.append("节假日照常")
        elif period.on_holidays == OnHolidays.OWN_HOURS:
            clauses.append("节假日" + ("、".join(map(_opening_zh, own)) or "休息"))
    return season + "，".join(clauses)


def _opening_zh(opening: _Opening) -> str:
    opens, closes, mode = opening
    if opens == closes == time.min:
        said = "24小时"
    else:
        # Without the word, an hour from 1 to 4 may be meant for the afternoon.
        early = "凌晨" if 1 <= opens.hour <= 4 else ""
        ends = "24:00" if closes == time.min else f"{'次日' if closes <= opens else ''}{closes.hour}:{closes:%M}"
        said = f"{early}{opens.hour}:{opens:%M}-{ends}"
    label = next((label for label, each in _MODES_ZH.items() if each == mode), "")
    return f"{said}（{label}）" if label else said


def _season_text_zh(period: Period) -> str:
    first, last = period.valid_from, period.valid_through
    if period.repeats_yearly and first and last:
        said = f"{first.month}月{first.day}日至{last.month}月{last.day}日"
    elif first and last:
        said = f"{_date_text_zh(first)}至{_date_text_zh(last)}"
    elif first:
        said = f"{_date_text_zh(first)}起"
    elif last:
        said = f"至{_date_text_zh(last)}止"
    else:
        return ""
    return f"{period.name}（{said}）" if _is_plain_name(period.name) else said


def _date_text_zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def format_osm(periods: Iterable[Period]) -> str:
    """OpenStreetMap's `opening_hours`. Holidays are said wherever they differ from the weekday, as its readers expect."""
    rules = []
    for period in periods:
        season = _season_text_osm(period)
        groups = [(days, openings) for days, openings in _groups(period) if openings or season]
        if (
            not season
            and not any(openings for _days, openings in groups)
            and period.on_holidays != OnHolidays.OWN_HOURS
        ):
            continue
        if not season and _is_uniform(period) and groups and groups[0][1] == ((time.min, time.min, "staffed"),):
            rules.append("24/7")
            continue
        rules += [
            _rule_osm(season, _days_text(days, _DAYS_OSM, to="-", comma=","), openings) for days, openings in groups
        ]
        if not _is_uniform(period) and period.on_holidays != OnHolidays.AS_USUAL:
            own = _openings(period, SUNDAY if period.on_holidays == OnHolidays.AS_SUNDAY else HOLIDAY)
            rules.append(_rule_osm(season, "PH", own))
    return "; ".join(rules)


def _rule_osm(season: str, days: str, openings: Sequence[_Opening]) -> str:
    selector = f"{season} {days}" if season else days
    if not openings:
        return f"{selector} off"
    by_mode: dict[str, list[str]] = {}
    for opens, closes, mode in openings:
        if closes == time.min:
            ends = "24:00"
        elif closes == opens:
            ends = f"{closes.hour + 24}:{closes:%M}"
        else:
            ends = f"{closes:%H:%M}"
        by_mode.setdefault(mode, []).append(f"{opens:%H:%M}-{ends}")
    return ", ".join(
        f"{selector} {','.join(times)}" + (f' "{_MODES_OSM[mode]}"' if mode in _MODES_OSM else "")
        for mode, times in by_mode.items()
    )


def _season_text_osm(period: Period) -> str:
    first, last = period.valid_from, period.valid_through
    if first is None and last is None:
        return ""

    def said(day: date) -> str:
        year = "" if period.repeats_yearly else f"{day.year} "
        return f"{year}{_MONTHS_OSM[day.month - 1]} {day.day:02d}"

    return f"{said(first or OSM_BEGINNING)}-{said(last)}" if last else f"{said(first or OSM_BEGINNING)}+"


def format_en(periods: Iterable[Period]) -> str:
    """For English readers: "Mon-Fri 8:30-17:30, Sat-Sun 9:00-16:00, closed on holidays"."""
    return "; ".join(filter(None, map(_period_en, periods)))


_NAMES_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MODES_EN = {"scan": "scan a code", "card": "union or staff card", "code": "door code"}


def _period_en(period: Period) -> str:
    clauses = []
    for days, openings in _groups(period):
        if openings:
            said = "daily" if len(days) == len(EVERY_DAY) else _days_text(days, _NAMES_EN, to="-", comma=", ")
            clauses.append(f"{said} {' and '.join(map(_opening_en, openings))}")
    if clauses and not _is_uniform(period):
        own = _openings(period, HOLIDAY)
        if period.on_holidays == OnHolidays.AS_USUAL:
            clauses.append("holidays as usual")
        elif period.on_holidays == OnHolidays.OWN_HOURS:
            clauses.append(f"holidays {' and '.join(map(_opening_en, own))}" if own else "closed on holidays")
    season = _season_text_en(period)
    if not season:
        return ", ".join(clauses)
    return f"{season}: {', '.join(clauses) or 'closed'}"


def _opening_en(opening: _Opening) -> str:
    opens, closes, mode = opening
    if opens == closes == time.min:
        said = "24 hours"
    elif closes == time.min:
        said = f"{opens.hour}:{opens:%M}-24:00"
    else:
        said = f"{opens.hour}:{opens:%M}-{closes.hour}:{closes:%M}{' next day' if closes <= opens else ''}"
    return f"{said} ({_MODES_EN[mode]})" if mode in _MODES_EN else said


def _season_text_en(period: Period) -> str:
    def said(day: date) -> str:
        return f"{day.day} {day:%b}" + ("" if period.repeats_yearly else f" {day.year}")

    if period.valid_from and period.valid_through:
        return f"{said(period.valid_from)} to {said(period.valid_through)}"
    if period.valid_from:
        return f"from {said(period.valid_from)}"
    return f"until {said(period.valid_through)}" if period.valid_through else ""


# ── schema.org ──────────────────────────────────────────────────────────────────────────────────────────────────────

_DAYS_SCHEMA = tuple(
    f"https://schema.org/{day}"
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "PublicHolidays")
)


def schema_org(schedule: Schedule, *, today: date) -> list[dict[str, Any]]:
    """`openingHoursSpecification`; a yearly season gets the dates of its current or next occurrence."""
    found = []
    for period in schedule.periods:
        first, last = (
            _next_season(period, today) if period.repeats_yearly else (period.valid_from, period.valid_through)
        )
        if last is not None and last < today:
            continue
        days_by_opening: dict[_Opening, list[int]] = {}
        for day in (*sorted(EVERY_DAY), HOLIDAY):
            as_day = SUNDAY if day == HOLIDAY and period.on_holidays == OnHolidays.AS_SUNDAY else day
            if day == HOLIDAY and period.on_holidays == OnHolidays.AS_USUAL:
                continue
            for opening in _openings(period, as_day):
                days_by_opening.setdefault(opening, []).append(day)
        for (opens, closes, _mode), days in days_by_opening.items():
            found.append(
                {"@type": "OpeningHoursSpecification", "dayOfWeek": [_DAYS_SCHEMA[day - 1] for day in days]}
                | _times_schema(opens, closes)
                | _validity_schema(first, last)
            )
    return found


def schema_org_special(exceptions: Iterable[DatedException], *, today: date) -> list[dict[str, Any]]:
    """`specialOpeningHoursSpecification`, which overrides the weekly hours.

    Closed is 00:00 to 00:00, as Google reads it. Where a closed row and one with times share a date, the times count.
    """
    coming = [row for row in exceptions if row.ends_on >= today]
    timed = sorted((row for row in coming if row.opens is not None), key=lambda row: row.starts_on)
    found = []
    for row in coming:
        if row.opens is not None and row.closes is not None:
            found.append(_special_schema(row.starts_on, row.ends_on, _times_schema(row.opens, row.closes)))
            continue
        first = row.starts_on
        for other in timed:
            if other.ends_on < first or other.starts_on > row.ends_on:
                continue
            if first < other.starts_on:
                found.append(_special_schema(first, other.starts_on - timedelta(days=1), _CLOSED_SCHEMA))
            first = other.ends_on + timedelta(days=1)
        if first <= row.ends_on:
            found.append(_special_schema(first, row.ends_on, _CLOSED_SCHEMA))
    return sorted(found, key=lambda each: (each["validFrom"], each["opens"]))


_CLOSED_SCHEMA = {"opens": "00:00", "closes": "00:00"}


def _special_schema(first: date, last: date, times: dict[str, str]) -> dict[str, Any]:
    return {"@type": "OpeningHoursSpecification"} | times | _validity_schema(first, last)


def _times_schema(opens: time, closes: time) -> dict[str, str]:
    # Equal times mean closed there, and 24:00 is no time of schema.org: the last minute stands for the end of the day.
    if closes in (opens, time.min):
        closes = _time(_minute(closes) + DAY_MIN - 1)
    return {"opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}


def _validity_schema(first: date | None, last: date | None) -> dict[str, str]:
    validity = {}
    if first is not None:
        validity["validFrom"] = first.isoformat()
    if last is not None:
        validity["validThrough"] = last.isoformat()
    return validity


def _next_season(period: Period, today: date) -> tuple[date | None, date | None]:
    if period.valid_from is None or period.valid_through is None:
        return period.valid_from, period.valid_through
    first, last = period.valid_from, period.valid_through
    wraps = (last.month, last.day) < (first.month, first.day)
    year = next(year for year in range(today.year - 1, today.year + 2) if _in_year(last, year + wraps) >= today)
    return _in_year(first, year), _in_year(last, year + wraps)


def _in_year(day: date, year: int) -> date:
    """`day` in another year; 29 February becomes the last of the month."""
    return date(year, day.month, min(day.day, _last_of_month(year, day.month)))
