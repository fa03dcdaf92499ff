"""Where a gift is to be had: which cabinets hold it, how far they are, and whether their station is open."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from points.models import Account, Gift
from stations import intervals
from stations.geo import Point, distance_m
from stations.hours import State
from stations.models import Station
from stations.views.wording import STATE_ICONS, distance_text, state_text, until_text

__all__ = ["Cabinet", "cabinets"]

_OPEN = {State.OPEN, State.CLOSING_SOON}


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A published station with so many pieces of a gift, and its state at the moment in words."""

    code: str
    name: str
    pieces: int
    distance: str
    state: str
    state_icon: str
    state_word: str
    until: str


def cabinets(gifts: Collection[Gift], *, near: Point | None, now: datetime) -> dict[int, list[Cabinet]]:
    """Of each gift (by its key) the cabinets that hold it: open ones first, nearest first, then the fullest. One query."""
    rows = Account.objects.filter(
        kind=Account.Kind.STOCK, gift__in=gifts, balance__gt=0, station__status=Station.Status.PUBLISHED
    ).values_list(
        "gift", "balance", "station__code", "station__name", "station__latitude", "station__longitude",
        "station__intervals", "station__expanded_until", "station__doubted_at",
    )  # fmt: skip
    found: dict[int, list[tuple[tuple[bool, float, int, str], Cabinet]]] = {}
    for gift, pieces, code, name, latitude, longitude, text, expanded_until, doubted_at in rows:
        state = intervals.state(text, now, expanded_until=expanded_until, doubted=doubted_at is not None)
        metres = (
            None
            if near is None or latitude is None or longitude is None
            else distance_m(near, Point(latitude, longitude))
        )
        place = (state.state not in _OPEN, float("inf") if metres is None else metres, -pieces, code)
        cabinet = Cabinet(
            code=code,
            name=name,
            pieces=pieces,
            distance="" if metres is None else distance_text(metres),
            state=state.state.value,
            state_icon=STATE_ICONS[state.state],
            state_word=state_text(state.state),
            until=until_text(state, now),
        )
        found.setdefault(gift, []).append((place, cabinet))
    return {gift: [cabinet for _place, cabinet in sorted(of, key=lambda each: each[0])] for gift, of in found.items()}
