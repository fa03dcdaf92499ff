"""A station's open intervals of the next days, as the two columns of Station that keep them.

`Station.intervals` has each with its entry mode, to say how a door opens at a moment; `Station.open_times` is the same as
one set of moments, for conditions in SQL. stations/publishing.py writes both at once, from what `hours.expand` answers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from stations.hours import Interval, OpenState, holds_until, state_at

__all__ = ["Held", "OpenTimes", "attended", "open_times", "read", "state", "written", "written_open_times"]

# A town has far fewer different hours than stations. Each midnight all their texts are new ones, and a process lives for
# months: what is kept here is mostly of days that are over (some 5 KB each).
KEPT = 4_000


def written(intervals: Sequence[Interval]) -> str:
    """The text of `Station.intervals`: seconds since 1970 of opening and closing and the entry mode, one after another."""
    return " ".join(
        f"{each.opens_at.timestamp():.0f} {each.closes_at.timestamp():.0f} {each.entry_mode}" for each in intervals
    )


def written_open_times(intervals: Sequence[Interval]) -> str:
    """The text of `Station.open_times`, a multirange: opening included, closing not."""
    return "{" + ",".join(f"[{each.opens_at.isoformat()},{each.closes_at.isoformat()})" for each in intervals) + "}"


@lru_cache(maxsize=KEPT)
def read(text: str) -> tuple[Interval, ...]:
    """The intervals that `written` wrote, in the order of opening."""
    parts = text.split(" ") if text else []
    return tuple(
        Interval(_instant(opens), _instant(closes), entry_mode)
        for opens, closes, entry_mode in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )


def _instant(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


class Held(NamedTuple):
    """A state, and from when until (before) when it is known to hold."""

    since: datetime
    until: datetime
    state: OpenState
    # What a door has written of the state, by a key of its own.
    written: dict[str, Any]


class OpenTimes:
    """The open intervals that stations with the same hours share, known up to `expanded_until`; `doubted` by people on the spot.

    Their state is worked out when it changes: a few times a day for all these stations, not for each of a page.
    """

    __slots__ = ("_doubted", "_expanded_until", "_held", "_text")

    def __init__(self, text: str, expanded_until: datetime | None, doubted: bool) -> None:
        self._text, self._expanded_until, self._doubted = text, expanded_until, doubted
        self._held: Held | None = None

    def held(self, at: datetime) -> Held:
        """What they say about the moment `at`."""
        held = self._held  # read once: another thread may ask about another moment
        if held is None or not held.since <= at < held.until:
            opened = read(self._text)
            state = state_at(opened, at, expanded_until=self._expanded_until, doubted=self._doubted)
            self._held = held = Held(at, holds_until(opened, at, expanded_until=self._expanded_until), state, {})
        return held


open_times = lru_cache(maxsize=KEPT)(OpenTimes)


def state(text: str, at: datetime, *, expanded_until: datetime | None, doubted: bool) -> OpenState:
    """What the intervals of `text`, known up to `expanded_until`, say about the moment `at`."""
    return open_times(text, expanded_until, doubted).held(at).state


def attended(text: str, at: datetime, *, expanded_until: datetime | None, doubted: bool) -> OpenState:
    """What they say about somebody being there at the moment `at`; at other times the door opens only by scan, card or code."""
    staffed = [each for each in read(text) if each.entry_mode == "staffed"]
    return state_at(staffed, at, expanded_until=expanded_until, doubted=doubted)
