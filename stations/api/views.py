"""The public look-ups. A view reads the question, asks stations/finding.py, and answers."""

import re

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from core import clock
from core.api.parameters import Parameters
from core.api.views import PublicView
from stations import finding, publishing
from stations.api.answers import map_answer, station_answer
from stations.api.questions import CRS, read_question
from stations.errors import StationNotFound
from stations.geo import Crs
from stations.models import Amenity, Station

_CURSOR = re.compile(r"(^|&)cursor=[^&]*")

__all__ = ["AmenityList", "DistrictList", "StationDetail", "StationList"]


def base_url(request: Request) -> str:
    """Scheme and host of the addresses in an answer."""
    return settings.PUBLIC_BASE_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"


class StationList(PublicView):
    """The stations that fit, nearest first with `near`, else by code."""

    def get(self, request: Request) -> HttpResponse:
        now = clock.now()
        question = read_question(request.GET, now=now)
        found = finding.find(question.lookup, now=now)
        if not found.cards:
            question.refuse_unknown_codes()
        base = base_url(request)
        cursor, is_cut_off = question.next_cursor(found)
        return self.answer(
            {
                "results": [
                    station_answer(card, crs=question.crs, base_url=base, fields=question.fields)
                    for card in found.cards
                ],
                "next": None if cursor is None else self._next(request, base, cursor),
                "is_cut_off": is_cut_off,
                "at": question.lookup.open_at or now,
            }
        )

    @staticmethod
    def _next(request: Request, base: str, cursor: str) -> str:
        query = _CURSOR.sub("", request.META.get("QUERY_STRING", "")).lstrip("&")
        return f"{base}{request.path}?{query}{'&' if query else ''}cursor={cursor}"


class StationDetail(PublicView):
    """One station with all that couriers may know of it. A draft is not there."""

    def get(self, request: Request, code: str) -> HttpResponse:
        asked = Parameters(request.GET, single=("crs",))
        crs = Crs(asked.choice("crs", CRS, default="wgs84"))
        now = clock.now()
        card = finding.card(code, at=now)
        if card is None:
            raise StationNotFound
        station = Station.objects.prefetch_related("organisations").get(pk=card.id)
        schedule = publishing.schedules([card.id])[card.id]
        answer = station_answer(card, crs=crs, base_url=base_url(request))
        return self.answer(
            answer
            | {
                "status_reason": station.status_reason,
                "area_m2": None if station.area_m2 is None else float(station.area_m2),
                "seats": station.seats,
                "opened_on": station.opened_on,
                "amenities_as_given": station.amenities_text,
                "organisations": [
                    {"role": organisation.role, "name": organisation.name}
                    for organisation in station.organisations.all()
                ],
                "exceptions": [
                    {
                        "starts_on": row.starts_on,
                        "ends_on": row.ends_on,
                        "opens": row.opens,
                        "closes": row.closes,
                        "entry_mode": row.entry_mode if row.opens is not None else None,
                        "reason": row.reason,
                    }
                    for row in schedule.exceptions
                    if row.ends_on >= clock.local_date(now)
                ],
                "map_links": map_answer(card),
                "at": now,
            }
        )


class DistrictList(PublicView):
    """The districts with their numbers of stations."""

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        now = clock.now()
        return self.answer(
            {
                "results": [
                    {
                        "code": district.code,
                        "name": district.name,
                        "stations": district.stations,
                        "tiers": {str(tier): count for tier, count in district.tiers.items()},
                        "open_now": district.open_now,
                    }
                    for district in finding.districts(now=now)
                ],
                "next": None,
                "at": now,
            }
        )


class AmenityList(PublicView):
    """The coded equipment and services, with the wordings that mean them."""

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        amenities = Amenity.objects.prefetch_related("words")
        return self.answer(
            {
                "results": [
                    {
                        "code": amenity.code,
                        "name": amenity.label,
                        "kind": amenity.kind,
                        "expected_from_tier": amenity.expected_from_tier,
                        "words": [word.word for word in amenity.words.all()],
                    }
                    for amenity in amenities
                ],
                "next": None,
            }
        )
