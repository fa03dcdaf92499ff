"""What a partner's program may report about a station: what was found at its door, and that somebody came to rest.

A view reads the body, calls the verb that pages and staff call, and answers. What is out of the caller's reach counts as
missing.
"""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core import clock
from core.api.bodies import Members
from core.api.callers import Caller
from core.api.contract import fields_of
from core.api.scoped import ScopedView
from stations import confirming
from stations.api import contract
from stations.api.contract import MAX_ACCURACY_M, MAX_DEVICE, MAX_LATITUDE
from stations.errors import StationNotFound
from stations.geo import Crs, Point, to_wgs84
from stations.models import Confirmation, Station
from stations.querysets import StationQuerySet

__all__ = ["Confirmations", "Uses"]


def stations_for(caller: Caller) -> StationQuerySet:
    """The stations that `caller` may report on."""
    stations = Station.objects.exclude(status=Station.Status.DRAFT).in_any_division(caller.divisions)
    return stations.filter(is_made_up=True) if caller.is_sandbox else stations


def station_for(caller: Caller, code: str) -> Station:
    """The station with this code, if `caller` may report on it.   Raises: StationNotFound."""
    station = stations_for(caller).filter(code=code.upper()).first()
    if station is None:
        raise StationNotFound
    return station


class Confirmations(ScopedView):
    """进得去, 锁着, 设备坏了, 搬走了: as one of the program's couriers found it."""

    operations = {"POST": contract.CREATE_CONFIRMATION}
    required_scopes = {"POST": "confirmations:write"}

    def post(self, request: Request, code: str) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_once(lambda body: self._confirm(code, body))

    def _confirm(self, code: str, body: dict[str, Any]) -> dict[str, Any]:
        said = Members(body, known=fields_of(contract.CONFIRMATION))
        said.require("outcome")
        outcome = said.choice("outcome", Confirmation.Outcome.values)
        position, accuracy_m = _position(said)
        device = said.text("device", most=MAX_DEVICE) or ""
        made_at = said.instant("made_at", now=self.now)
        station = station_for(self.caller, code)
        confirmation = confirming.confirm(
            station=station,
            outcome=str(outcome),
            at=self.now,
            made_at=made_at,
            witness=confirming.witness_at(station, confirming.partner_device(self.caller.code, device)),
            at_door=confirming.is_near_door(station, position, accuracy_m=accuracy_m),
            reporter=self.caller.actor,
        )
        station.refresh_from_db(fields=["confirmed_at", "doubted_at"])
        return {
            "station": station.code,
            "outcome": confirmation.outcome,
            "at_door": confirmation.channel == Confirmation.Channel.DOOR,
            "made_at": confirmation.confirmed_at,
            "station_confirmed_at": station.confirmed_at,
            "station_doubted_at": station.doubted_at,
        }


class Uses(ScopedView):
    """我来歇脚: one more visitor, whoever it was, and perhaps whether he was satisfied."""

    operations = {"POST": contract.CREATE_USE}
    required_scopes = {"POST": "uses:write"}

    def post(self, request: Request, code: str) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_once(lambda body: self._use(code, body))

    def _use(self, code: str, body: dict[str, Any]) -> dict[str, Any]:
        said = Members(body, known=fields_of(contract.USE))
        satisfied = said.truth("satisfied")
        made_at = said.instant("made_at", now=self.now)
        at = confirming.seen_at(made_at, at=self.now)
        station = station_for(self.caller, code)
        uses = confirming.record_use(station=station, at=at)
        if satisfied is not None:
            confirming.record_satisfaction(station=station, satisfied=satisfied, at=at)
        return {"station": station.code, "date": clock.local_date(at), "uses": uses}


def _position(said: Members) -> tuple[Point | None, float | None]:
    """Where the phone was (WGS-84), and how accurately it knew.   Raises: InvalidValue and its kinds."""
    place = said.members("position", known=fields_of(contract.POSITION))
    if place is None:
        return None, None
    place.require("latitude", "longitude", "crs")
    latitude = place.number("latitude", least=-MAX_LATITUDE, most=MAX_LATITUDE)
    longitude = place.number("longitude", least=-180.0, most=180.0)
    crs = place.choice("crs", [each.value for each in Crs])
    accuracy_m = place.number("accuracy_m", least=0.0, most=MAX_ACCURACY_M)
    return to_wgs84(Point(float(latitude or 0.0), float(longitude or 0.0)), Crs(crs or "wgs84")), accuracy_m
