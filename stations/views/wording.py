"""How times, distances and proofs are said to people, in the language of the page."""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, pgettext

from core import clock
from stations.hours import OpenState, State

__all__ = [
    "ENTRY_ICONS",
    "STATE_ICONS",
    "day_name",
    "distance_text",
    "entry_text",
    "moment_text",
    "phone_links",
    "proof_text",
    "state_text",
    "station_name",
    "tier_text",
    "until_text",
]

STATE_ICONS = {
    State.OPEN: "open",
    State.CLOSING_SOON: "clock",
    State.CLOSED: "closed",
    State.UNKNOWN: "unknown",
    State.DOUBTED: "doubted",
}
ENTRY_ICONS = {"staffed": "person", "scan": "scan", "card": "card", "code": "key"}
METRES_PER_KM = 1_000
# A longer last part of a name would not fit a line of the smallest phone in large type.
LONGEST_WHOLE = 7
MINUTE = timedelta(minutes=1)
# How long a proof is fresh, good and worth showing at all (docs/architecture.md, "Proof").
FRESH, GOOD, OLD = timedelta(hours=2), timedelta(days=1), timedelta(days=7)


def station_name(name: str) -> SafeString:
    """A station's name as the heading of a card or a page: the “江城蜂巢” at the end of nearly all names stays on one line.

    It is all in one element, since in a line that is laid out as boxes each part would become a box of its own.
    """
    escaped = escape(name)
    own, mark, common = escaped.rpartition("“")
    if mark and common.endswith("”") and len(common) <= LONGEST_WHOLE:
        escaped = f'<span>{own}<span class="whole">“{common}</span></span>'
    return mark_safe(escaped)  # noqa: S308 - each part is escaped


def state_text(state: State) -> str:
    """The word for a state."""
    match state:
        case State.OPEN:
            return pgettext("state", "Open")
        case State.CLOSING_SOON:
            return pgettext("state", "Closing soon")
        case State.CLOSED:
            return pgettext("state", "Closed")
        case State.UNKNOWN:
            return pgettext("state", "Hours not registered")
        case State.DOUBTED:
            return pgettext("state", "Perhaps shut")


def until_text(state: OpenState, at: datetime) -> str:
    """Until when it is open, or when it opens; empty if that is not known.

    “Perhaps shut, until 20:00” would be read as the hour at which it opens.
    """
    if state.state == State.DOUBTED:
        return ""
    if state.is_round_the_clock:
        return gettext("24 hours")
    if state.closes_at is not None:
        return gettext("until {time}").format(time=moment_text(state.closes_at, at))
    if state.opens_at is not None:
        return gettext("opens {time}").format(time=moment_text(state.opens_at, at))
    return ""


def moment_text(moment: datetime, at: datetime) -> str:
    """A time of day as one says it at `at`: 22:00, tomorrow 08:00, Wed 08:00, 20 Jun 08:00."""
    local = clock.to_local(moment)
    days = (local.date() - clock.local_date(at)).days
    time = f"{local.hour:02}:{local.minute:02}"
    if days == 0:
        return time
    if days == 1:
        if time == "00:00":
            return "24:00"
        return gettext("tomorrow {time}").format(time=time)
    if 1 < days < 7:
        return f"{day_name(local.date())} {time}"
    return f"{date_text(local.date(), today=clock.local_date(at))} {time}"


def day_name(day: date) -> str:
    """The short name of the weekday: 周三, Wed."""
    names = (
        pgettext("weekday", "Mon"),
        pgettext("weekday", "Tue"),
        pgettext("weekday", "Wed"),
        pgettext("weekday", "Thu"),
        pgettext("weekday", "Fri"),
        pgettext("weekday", "Sat"),
        pgettext("weekday", "Sun"),
    )
    return names[day.weekday()]


def distance_text(metres: float) -> str:
    """320 m, 1.2 km: as exact as a phone's position is."""
    if metres < METRES_PER_KM - 5:
        return _metres(get_language(), max(10, round(metres / 10) * 10))
    kilometres = metres / METRES_PER_KM
    return _kilometres(get_language(), f"{kilometres:.1f}" if kilometres < 10 else f"{kilometres:.0f}")


# A list repeats the same few distances and ages: each is put into words once per language and process.


@lru_cache(maxsize=500)
def _metres(language: str, metres: int) -> str:  # noqa: ARG001 - part of the cache's key
    return gettext("{metres} m").format(metres=metres)


@lru_cache(maxsize=500)
def _kilometres(language: str, kilometres: str) -> str:  # noqa: ARG001
    return gettext("{kilometres} km").format(kilometres=kilometres)


@lru_cache(maxsize=500)
def _ago(language: str, minutes: int) -> str:  # noqa: ARG001
    if minutes < 1:
        return gettext("just now")
    if minutes < FRESH // MINUTE:
        return gettext("{minutes} min ago").format(minutes=minutes)
    if minutes < GOOD // MINUTE:
        return gettext("{hours} h ago").format(hours=minutes // 60)
    return gettext("{days} d ago").format(days=minutes // (60 * 24))


@lru_cache(maxsize=500)
def _proof(language: str, minutes: int | None) -> str:
    if minutes is None:
        return gettext("not confirmed lately")
    return gettext("got in {ago}").format(ago=_ago(language, minutes))


def _in_largest_unit(minutes: int) -> int:
    """The minutes, rounded down to the unit in which they are told."""
    hour, day = 60, 60 * 24
    unit = 1 if minutes < FRESH // MINUTE else hour if minutes < day else day
    return minutes // unit * unit


def ago_text(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    return _ago(get_language(), _in_largest_unit((now - since) // MINUTE))


def proof_text(confirmed_at: datetime | None, now: datetime) -> str:
    """When somebody last got in. A proof older than a week says nothing."""
    if confirmed_at is None or now - confirmed_at >= OLD:
        return _proof(get_language(), None)
    return _proof(get_language(), _in_largest_unit((now - confirmed_at) // MINUTE))


def entry_text(mode: str | None) -> str:
    """How one gets in."""
    match mode:
        case "staffed":
            return gettext("staff at the door")
        case "scan":
            return gettext("scan a code to enter")
        case "card":
            return gettext("union or staff card needed")
        case "code":
            return gettext("door code needed")
        case _:
            return ""


def phone_links(phones: str) -> list[tuple[str, str]]:
    """Each number of a station's phone as it is shown, and as a link that calls it: 027-88880000转2 as tel:027-88880000,2."""
    shown = [number.strip() for number in phones.split("、") if number.strip()]
    return [
        (number, "tel:" + re.sub(r"转|ext\.?", ",", number.replace(" ", ""), flags=re.IGNORECASE)) for number in shown
    ]


def tier_text(tier: int | None) -> str:
    """一类, 二类, 三类."""
    match tier:
        case 1:
            return pgettext("badge", "Tier 1")
        case 2:
            return pgettext("badge", "Tier 2")
        case 3:
            return pgettext("badge", "Tier 3")
        case _:
            return ""


def date_text(day: date, *, today: date | None = None) -> str:
    """6月10日, 10 Jun; if `today` is in another year, 2027年6月10日, 10 Jun 2027."""
    is_another_year = today is not None and day.year != today.year
    if get_language() == "en":
        return f"{day.day} {day:%b}" + (f" {day.year}" if is_another_year else "")
    return (f"{day.year}年" if is_another_year else "") + f"{day.month}月{day.day}日"
