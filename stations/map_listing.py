"""上图: what 高德 and 百度 should be told about the stations, as a list to send, and what they were told before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.models import User
from stations import access
from stations.columns import SheetRows, Value, xlsx_chunks
from stations.geo import Crs, Point, from_wgs84
from stations.models import Duty, MapListing, Station
from stations.querysets import StationQuerySet

__all__ = ["DATUMS", "Action", "Entry", "entries", "mark_sent", "said_names", "workbook"]

DATUMS = {MapListing.Map.AMAP: Crs.GCJ02, MapListing.Map.BAIDU: Crs.BD09}
_BATCH = 1_000


class Action(StrEnum):
    """What the map is asked to do."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list. Units: degrees in the map's own datum. `changed` names the facts that differ from what the map
    was told.
    """

    station: Station
    action: Action
    name: str
    address: str
    phone: str
    hours: str
    latitude: float | None
    longitude: float | None
    changed: tuple[str, ...]


def entries(stations: Iterable[Station], map_name: str) -> list[Entry]:
    """The lines for stations that `StationQuerySet.to_tell` found."""
    return [_entry(station, DATUMS[MapListing.Map(map_name)]) for station in stations]


def _entry(station: Any, crs: Crs) -> Entry:
    says: dict[str, Any] = station.says
    told: dict[str, Any] | None = station.told
    is_shown = station.status == Station.Status.PUBLISHED
    action = Action.REMOVE if not is_shown else Action.ADD if told is None else Action.CHANGE
    position = None
    if says["latitude"] is not None:
        position = from_wgs84(Point(says["latitude"], says["longitude"]), crs)
    changed: Sequence[str] = ()
    if action is Action.CHANGE and told is not None:
        names = ("position" if name in ("latitude", "longitude") else name for name in says if says[name] != told[name])
        changed = tuple(dict.fromkeys(names))
    return Entry(
        station=station,
        action=action,
        name=says["name"],
        address=" ".join(filter(None, (says["address"], says["floor"]))),
        phone=says["phone"],
        hours=says["hours"],
        latitude=round(position.latitude, 6) if position else None,
        longitude=round(position.longitude, 6) if position else None,
        changed=tuple(changed),
    )


def workbook(stations: StationQuerySet, map_name: str) -> Iterator[bytes]:
    """What the map is to be told, as a workbook in pieces."""
    widths = (8, 14, 30, 40, 16, 30, 12, 12, 10, 20)
    return xlsx_chunks([SheetRows(str(MapListing.Map(map_name).label), _rows(stations, map_name), widths=widths)])


def _rows(stations: StationQuerySet, map_name: str) -> Iterator[Sequence[Value]]:
    yield [
        _("action"), _("code"), _("name"), _("address"), _("phone"), _("opening hours"), _("longitude"), _("latitude"),
        _("datum"), _("what changed"),
    ]  # fmt: skip
    actions = {Action.ADD: _("add"), Action.CHANGE: _("change"), Action.REMOVE: _("take off")}
    words = said_names()
    for batch in _batches(stations.to_tell(map_name)):
        for each in entries(batch, map_name):
            yield [
                actions[each.action], each.station.code, each.name, each.address, each.phone, each.hours, each.longitude,
                each.latitude, DATUMS[MapListing.Map(map_name)].upper(), "、".join(words[name] for name in each.changed),
            ]  # fmt: skip


def said_names() -> dict[str, str]:
    """What a map is told, in words."""
    return {
        "name": _("name"),
        "address": _("address"),
        "floor": _("floor"),
        "phone": _("phone"),
        "hours": _("opening hours"),
        "position": _("position"),
    }


def _batches(stations: StationQuerySet) -> Iterator[list[Station]]:
    """By ranges of the code, as stations/exporting.py reads."""
    page, last = stations.order_by("code").defer("grams", "tags", "search_text"), ""
    while rows := list(page.filter(code__gt=last)[:_BATCH]):
        yield rows
        last = rows[-1].code


@transaction.atomic
def mark_sent(*, stations: StationQuerySet, map_name: str, as_of: datetime, actor: User | str, at: datetime) -> int:
    """Keep that the map was told of `stations` as they were at `as_of`; answer of how many.

    A station that was changed later stays in the list, since what was sent did not include the change.
    Raises: what `access.require` does.
    """
    done = 0
    for batch in _batches(stations.to_tell(map_name).filter(updated_at__lte=as_of)):
        access.require(actor, Duty.MANAGE, stations=batch)
        lines = entries(batch, map_name)
        gone = [each.station.pk for each in lines if each.action is Action.REMOVE]
        MapListing.objects.filter(station__in=gone, map=map_name).delete()
        MapListing.objects.bulk_create(
            [
                MapListing(
                    station=each.station,
                    map=map_name,
                    version=each.station.version,
                    sent=each.station.says,  # type: ignore[attr-defined]
                    sent_at=at,
                )
                for each in lines
                if each.action is not Action.REMOVE
            ],
            update_conflicts=True,
            unique_fields=["station", "map"],
            update_fields=["version", "sent", "sent_at"],
        )
        audit.record_many(
            "station.sent-to-map",
            subjects=[
                (("station", each.station.code), {"map": map_name, "action": str(each.action)}) for each in lines
            ],
            actor=actor,
            at=at,
        )
        done += len(lines)
    return done
