"""What the API says about places. Fields are listed one by one: a new column is not public until somebody adds it here."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from django.urls import reverse

from core.api.renderers import JSONRenderer
from stations.api.contract import STATION_FIELDS
from stations.finding import Card, Seen, cards_of
from stations.geo import Crs, Point, from_wgs84, map_links
from stations.hours import OpenState

__all__ = ["FIELDS", "feature", "gone_answer", "map_answer", "station_answer", "stations_json"]


@cache
def _page_path() -> tuple[str, str]:
    """What comes before and after the code in the URL of a station's page; `reverse` for each row would cost more."""
    before, _code, after = reverse("stations:station-detail", args=["CODE"]).partition("CODE")
    return before, after


def position_answer(latitude: float | None, longitude: float | None, crs: Crs) -> dict[str, Any] | None:
    """A position in the requested datum, to the decimetre."""
    if latitude is None or longitude is None:
        return None
    if crs is not Crs.WGS84:
        shifted = from_wgs84(Point(latitude, longitude), crs)
        latitude, longitude = shifted.latitude, shifted.longitude
    return {"latitude": round(latitude, 6), "longitude": round(longitude, 6), "crs": crs}


def open_answer(state: OpenState) -> dict[str, Any]:
    return {
        "state": state.state,
        "closes_at": state.closes_at,
        "opens_at": state.opens_at,
        "entry_mode": state.entry_mode,
        "is_round_the_clock": state.is_round_the_clock,
    }


def station_answer(card: Card, *, crs: Crs, base_url: str, fields: Collection[str] = ()) -> dict[str, Any]:
    """One station as a list shows it, whole or in the `fields` asked for."""
    before, after = _page_path()
    whole = {
        "code": card.code,
        "name": card.name,
        "aliases": card.aliases,
        "tier": card.tier,
        "status": card.status,
        "division": {"code": card.division_code, "name": card.division_name},
        "district": {"code": card.district_code, "name": card.district_name},
        "zone": {"code": card.zone_code, "name": card.zone_name} if card.zone_code else None,
        "address": card.address,
        "floor": card.floor,
        "directions": card.directions,
        "position": position_answer(card.latitude, card.longitude, crs),
        "distance_m": card.distance_m,
        "amenities": card.amenities,
        "open": open_answer(card.open_state),
        "hours": {"osm": card.hours_osm, "text": card.hours_in_words, "as_given": card.hours_text},
        "phone": card.phone,
        "confirmed_at": card.confirmed_at,
        "doubted_at": card.doubted_at,
        "is_made_up": card.is_made_up,
        "updated_at": card.updated_at,
        "url": f"{base_url}{before}{card.code}{after}",
    }
    return {name: whole[name] for name in fields} if fields else whole


def stations_json(seen: Iterable[Seen], *, at: datetime, crs: Crs, base_url: str) -> tuple[orjson.Fragment, bytes]:
    """The list of what `station_answer` says of each of the whole stations, written; and what stands for it in a tag.

    What is true as long as a station's facts is written once, and its state when it changes.
    """
    kept_as, base = _KEPT_AS[crs], base_url.encode()
    pieces: list[bytes] = []
    told = [base]
    for distance_m, facts in seen:
        parts = facts.written.get(kept_as)
        if parts is None:
            parts = facts.written[kept_as] = _parts(cards_of([(distance_m, facts)], at=at)[0], crs)
        held = facts.open_times.held(at)
        state = held.written.get("json")
        if state is None:
            written = _write(open_answer(held.state))
            state = held.written["json"] = (_digest(written), written)
        distance = b"null" if distance_m is None else b"%d" % distance_m
        pieces += b",", parts[1], distance, parts[2], state[1], parts[3], base, parts[4]
        told += parts[0], distance, state[0]
    return orjson.Fragment(b"".join((b"[", *pieces[1:], b"]"))), b"".join(told)


# The very texts and not equal ones, which would each be compared.
_KEPT_AS = {crs: f"json in {crs}" for crs in Crs}
_write = JSONRenderer().render
# No JSON holds this byte: it is written as an escape.
_HOLE = b"\0"


def _parts(card: Card, crs: Crs) -> tuple[bytes, ...]:
    """The JSON of a station without its distance, without what is true at the moment, and without the host of its page; before
    these parts, what stands for them in a tag."""
    answer = station_answer(card, crs=crs, base_url="")
    path = _write(answer["url"])[1:]
    holes = {"distance_m": _HOLE, "open": _HOLE, "url": b'"' + _HOLE + path}
    written = _write(answer | {name: orjson.Fragment(hole) for name, hole in holes.items()})
    return (_digest(written), *written.split(_HOLE))


def _digest(written: bytes) -> bytes:
    return hashlib.blake2b(written, digest_size=12).digest()


# What `?fields=` may name: the keys above, which a test compares.
FIELDS = STATION_FIELDS


def gone_answer(card: Card) -> dict[str, Any]:
    """A station that a copy must drop: it is no longer shown, or no longer matches. None of its facts are given."""
    return {"code": card.code, "status": card.status, "is_gone": True, "updated_at": card.updated_at}


def feature(answer: dict[str, Any], card: Card) -> dict[str, Any]:
    """A station's answer as a GeoJSON feature: its position moves into the geometry, longitude first.

    Source: RFC 7946, which knows WGS-84 alone.
    """
    position = None if "is_gone" in answer else position_answer(card.latitude, card.longitude, Crs.WGS84)
    return {
        "type": "Feature",
        "id": card.code,
        "geometry": position and {"type": "Point", "coordinates": [position["longitude"], position["latitude"]]},
        "properties": {name: value for name, value in answer.items() if name != "position"},
    }


def map_answer(card: Card) -> dict[str, str] | None:
    """Links that open the place in a map app, each in the app's own datum."""
    if card.latitude is None or card.longitude is None:
        return None
    return asdict(map_links(Point(card.latitude, card.longitude), name=card.name, address=card.address))
