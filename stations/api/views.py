"""The public look-ups. A view reads the question, asks stations/finding/, and answers."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core import clock
from core.api.paging import Pages, base_url, next_address
from core.api.parameters import Parameters
from core.api.renderers import GeoJSONRenderer, JSONRenderer
from core.api.views import PublicView
from stations import finding, publishing
from stations.api import contract
from stations.api.answers import feature, gone_answer, map_answer, station_answer, stations_json
from stations.api.questions import Question, read_crs, read_question, refuse_unknown_division
from stations.errors import StationNotFound
from stations.finding import Card
from stations.models import Amenity, Division, Station, Zone

__all__ = ["AmenityList", "DistrictList", "DivisionList", "StationDetail", "StationList", "ZoneList"]


class _Features(PublicView):
    """A look-up that map programs may have as GeoJSON: by `Accept: application/geo+json`, or by `format=geojson`."""

    renderer_classes = (JSONRenderer, GeoJSONRenderer)

    @property
    def is_geojson(self) -> bool:
        return isinstance(self.request.accepted_renderer, GeoJSONRenderer)

    def answers(
        self, cards: Iterable[Card], question: Question, base: str, gone: Collection[int] = ()
    ) -> list[dict[str, Any]]:
        """What is said of each; of those with an id in `gone` only that."""
        answers = []
        for card in cards:
            if card.id in gone:
                answer = gone_answer(card)
            else:
                answer = station_answer(card, crs=question.crs, base_url=base, fields=question.fields)
            answers.append(feature(answer, card) if self.is_geojson else answer)
        return answers

    def page(self, answers: list[Any], *, at: datetime, **members: Any) -> HttpResponse:
        found = {"type": "FeatureCollection", "features": answers} if self.is_geojson else {"results": answers}
        return self.answer(found | members, at=at)


class StationList(_Features):
    """The stations that match, nearest first with `near`, else by code; with `updated_since` what changed since then."""

    operations = {"GET": contract.STATION_LIST}

    def get(self, request: Request) -> HttpResponse:
        now = clock.now()
        question = read_question(request.query_params, now=now, is_geojson=self.is_geojson)
        if question.updated_since is not None:
            return self._changes(request, question, question.updated_since, now)
        found = finding.find(question.lookup, now=now)
        if not found.seen:
            question.refuse_unknown_codes()
        base = base_url(request)
        cursor, is_cut_off = question.next_cursor(found)
        members = {"next": next_address(request, base, cursor), "is_cut_off": is_cut_off}
        if self.is_geojson or question.fields:
            return self.page(self.answers(found.cards, question, base), at=found.at, **members)
        listed, told = stations_json(found.seen, at=found.at, crs=question.crs, base_url=base)
        return self.answer({"results": listed} | members, at=found.at, told=told + JSONRenderer().render(members))

    def _changes(self, request: Request, question: Question, since: datetime, now: datetime) -> HttpResponse:
        question.refuse_unknown_codes()
        found = finding.changes(question.lookup, since=since, settled_until=question.settled_until, now=now)
        base = base_url(request)
        return self.page(
            self.answers(found.cards, question, base, found.gone),
            next=next_address(request, base, question.next_change_cursor(found)),
            is_cut_off=False,
            at=found.settled_until,
        )


class StationDetail(_Features):
    """One station with all that couriers may know about it. A draft is a 404."""

    operations = {"GET": contract.STATION_DETAIL}

    def get(self, request: Request, code: str) -> HttpResponse:
        asked = Parameters(request.GET, single=contract.STATION_DETAIL.single)
        asked.choice("format", contract.FORMATS, default="json")
        crs = read_crs(asked, is_geojson=self.is_geojson)
        now = clock.now()
        card = finding.card(code.upper(), at=now)
        if card is None:
            raise StationNotFound
        station = Station.objects.prefetch_related("organisations").get(pk=card.id)
        schedule = publishing.schedules([card.id])[card.id]
        answer = station_answer(card, crs=crs, base_url=base_url(request)) | {
            "status_reason": station.status_reason,
            "area_m2": None if station.area_m2 is None else float(station.area_m2),
            "seats": station.seats,
            "opened_on": station.opened_on,
            "amenities_as_given": station.amenities_text,
            "organisations": [
                {"role": organisation.role, "name": organisation.name} for organisation in station.organisations.all()
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
        }
        return self.answer(feature(answer, card) if self.is_geojson else answer, at=now)


class DistrictList(PublicView):
    """The districts with their numbers of stations."""

    operations = {"GET": contract.DISTRICT_LIST}

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
            },
            at=now,
        )


class DivisionList(PublicView):
    """The tree of divisions by code, each node before what is inside it: for forms, and to find out codes."""

    max_age_s = 300
    operations = {"GET": contract.DIVISION_LIST}

    def get(self, request: Request) -> HttpResponse:
        asked = Parameters(request.GET, single=contract.DIVISION_LIST.single)
        inside = asked.text("inside", max_length=12)
        level = asked.choice("level", Division.Level.values, default="")
        canonical = f"divisions {inside} {level}"
        pages = Pages(request, asked, question=canonical, default=contract.MAX_DIVISIONS, most=contract.MAX_DIVISIONS)
        divisions = Division.objects.order_by("code")
        if inside:
            refuse_unknown_division("inside", inside)
            divisions = divisions.inside(inside).exclude(code=inside)
        if level:
            divisions = divisions.filter(level=level)
        if pages.after:
            divisions = divisions.filter(code__gt=pages.after)
        rows, following = pages.cut(divisions[: pages.limit + 1], lambda division: division.code)
        return self.answer(
            {
                "results": [
                    {
                        "code": division.code,
                        "level": division.level,
                        "name": division.label,
                        "parent": division.parent_id,
                    }
                    for division in rows
                ],
                "next": following,
            }
        )


class ZoneList(PublicView):
    """The functional zones, which stand beside the tree of divisions."""

    max_age_s = 300
    operations = {"GET": contract.ZONE_LIST}

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        return self.answer(
            {
                "results": [{"code": zone.code, "name": zone.label} for zone in Zone.objects.order_by("code")],
                "next": None,
            }
        )


class AmenityList(PublicView):
    """The coded equipment and services, with the wordings that mean them."""

    max_age_s = 300
    operations = {"GET": contract.AMENITY_LIST}

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
