"""What is asked: points all over the city, six out of ten with a filter, the same in every run."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlencode

from bench.filling import AMENITIES, DISTRICTS, RARE_AMENITY
from stations.finding import Lookup
from stations.geo import Point

__all__ = ["GROWTH", "api_paths", "page_paths", "point"]

DRAWS = 3_000
FILTERED = 0.6
COMMON = [code for code in AMENITIES if code != RARE_AMENITY]


def point(rng: random.Random) -> Point:
    """Somewhere in the built-up city."""
    return Point(round(rng.uniform(30.45, 30.70), 6), round(rng.uniform(114.15, 114.50), 6))


def _filters(rng: random.Random) -> list[tuple[str, str]]:
    """One or two of the filters that people set."""
    if rng.random() > FILTERED:
        return []
    choices: list[list[tuple[str, str]]] = [
        [("open", "now")],
        [("amenity", rng.choice(COMMON))],
        [("amenity", ",".join(rng.sample(COMMON, 2)))],
        [("tier", rng.choice(("1", "1,2")))],
        [("district", rng.choice(DISTRICTS))],
        [("open", "now"), ("amenity", rng.choice(COMMON))],
        [("amenity", RARE_AMENITY)],
    ]
    return rng.choices(choices, weights=(3, 3, 1, 1, 1, 2, 0.5))[0]


def _draws() -> Iterator[tuple[Point, list[tuple[str, str]]]]:
    rng = random.Random(1)
    for _draw in range(DRAWS):
        yield point(rng), _filters(rng)


def api_paths() -> list[str]:
    return [
        f"/api/v1/stations/?{urlencode([('near', f'{near.latitude},{near.longitude}'), ('limit', '20'), *filters])}"
        for near, filters in _draws()
    ]


def page_paths() -> list[str]:
    """The same questions to the finder page, which calls a district a division."""
    return [
        "/?"
        + urlencode(
            [("lat", near.latitude), ("lng", near.longitude)]
            + [("division" if name == "district" else name, value) for name, value in filters]
        )
        for near, filters in _draws()
    ]


# What growth is measured with: each is a look-up near a point. Exactly one of 1,000 stations passes the rare filter, so in
# every town only the nearest one is asked for.
GROWTH: dict[str, Callable[[Point, datetime], Lookup]] = {
    "no filter": lambda near, _now: Lookup(near=near),
    "hot water, toilet": lambda near, _now: Lookup(near=near, amenities=("hot-water", "toilet")),
    "open now": lambda near, now: Lookup(near=near, open_at=now),
    "nearest one, 0.1 % pass": lambda near, _now: Lookup(near=near, amenities=(RARE_AMENITY,), limit=1),
    "nearest one, 0.1 % pass, open now": lambda near, now: Lookup(
        near=near, amenities=(RARE_AMENITY,), open_at=now, limit=1
    ),
}
