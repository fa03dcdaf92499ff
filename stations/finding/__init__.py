"""Look-ups: which stations, in which order, and what a courier must know about each. Pages and API both use them.

lookup.py    what is asked, and the conditions that it means
names.py     the names of places and amenities, which a process keeps for a minute
cards.py     what is said of a station; a process keeps what it has read (decision 0024)
looking.py   the look-ups themselves
counting.py  points of a map, and counts

One statement walks an index to the few stations of a page (GiST, nearest first; or codes in order). What their open
intervals mean at this moment is decided by stations/hours.py, as everywhere. tests/stations/test_finding.py makes sure that
conditions which stations/querysets.py has too stay the same.
"""

from stations.finding.cards import Card, Facts, Seen, cards_of
from stations.finding.counting import (
    MAX_POINTS,
    Cluster,
    DistrictCount,
    MapPoint,
    Points,
    count_without,
    districts,
    points,
)
from stations.finding.looking import MAX_LIMIT, Changes, Found, among, card, changes, find, nearest_others
from stations.finding.lookup import After, Lookup, unknown_codes
from stations.finding.names import forget_names

__all__ = [
    "MAX_LIMIT",
    "MAX_POINTS",
    "After",
    "Card",
    "Changes",
    "Cluster",
    "DistrictCount",
    "Facts",
    "Found",
    "Lookup",
    "MapPoint",
    "Points",
    "Seen",
    "among",
    "card",
    "cards_of",
    "changes",
    "count_without",
    "districts",
    "find",
    "forget_names",
    "nearest_others",
    "points",
    "unknown_codes",
]
