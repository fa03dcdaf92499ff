"""Sets of places, as methods that finish a sentence.

`Station.objects.published().in_division("420106").with_amenities("hot-water").open_at(now).near(point)`. Every moment is
an argument. Amenities, tier, division and hours are asked from `Station.tags`, which stations/publishing.py derives.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, Exists, F, FloatField, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import ASin, Concat, Cos, JSONObject, Power, Radians, Sin, Sqrt
from django.db.models.lookups import Lookup

from core import clock
from stations.geo import EARTH_RADIUS_M, Point, mercator
from stations.words import gram_choices, query_words

if TYPE_CHECKING:
    from stations.models import Division, Station  # noqa: F401 - named as text in the bases below

__all__ = [
    "BY_CODE",
    "DivisionQuerySet",
    "StationQuerySet",
    "amenity_tag",
    "division_tag",
    "hour_tag",
    "opens_on",
    "tier_tag",
    "zone_tag",
]


def amenity_tag(code: str) -> str:
    """The lexeme in `Station.tags` for an amenity. Amenity codes stand for themselves; other tags hold a colon."""
    return code


def tier_tag(tier: int) -> str:
    return f"t:{tier}"


def division_tag(code: str) -> str:
    return f"d:{code}"


def zone_tag(code: str) -> str:
    return f"z:{code}"


def hour_tag(hour: int) -> str:
    """The lexeme that says: open at some time within this hour of the Wuhan day, on some day ahead."""
    return f"h:{hour}"


@SearchVectorField.register_lookup
class HasTags(Lookup[Any]):
    """`tags__has=[...]`: holds every one of the lexemes, as GiST answers it."""

    lookup_name = "has"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        query = " & ".join("'" + tag.replace("'", "''") + "'" for tag in self.rhs)
        return f"{lhs} @@ %s::tsquery", (*params, query)


class _PointDistance(Func):
    """PostgreSQL's `<->` between a station's Mercator point and a given one: what the index orders by."""

    template = "(%(expressions)s)"
    arg_joiner = " <-> "
    output_field = FloatField()


class _MercatorOf(Func):
    function = "point"
    output_field = models.TextField()

    def __init__(self, point: Point) -> None:
        x, y = mercator(point)
        super().__init__(Value(x, output_field=FloatField()), Value(y, output_field=FloatField()))


# For lists of a part of the town. A district's codes are adjacent, so PostgreSQL, using the index on codes, would walk past
# all districts before it; an expression keeps it off that index, so that it finds the part first and then sorts it.
BY_CODE = Concat("code", Value(""), output_field=models.TextField()).asc()


def distance_from(point: Point) -> Any:
    """An expression: metres on the ground (haversine) between the station's position and `point`."""
    half_latitude = (Radians(F("latitude")) - Radians(Value(point.latitude, output_field=FloatField()))) / 2.0
    half_longitude = (Radians(F("longitude")) - Radians(Value(point.longitude, output_field=FloatField()))) / 2.0
    chord = Power(Sin(half_latitude), 2) + Cos(Radians(F("latitude"))) * Cos(
        Radians(Value(point.latitude, output_field=FloatField()))
    ) * Power(Sin(half_longitude), 2)
    return Value(2.0 * EARTH_RADIUS_M, output_field=FloatField()) * ASin(Sqrt(chord))


def opens_on(day: date) -> Q:
    """A condition: by its hours the station is open at some time of the Wuhan day `day`."""
    return Q(open_times__meet=(clock.local_midnight(day), clock.local_midnight(day, days=1)))


class DivisionQuerySet(models.QuerySet["Division"]):
    def districts(self) -> Self:
        """Keep the districts of the city."""
        return self.filter(level="district")

    def inside(self, code: str) -> Self:
        """Keep the node `code` and all that lies in it."""
        return self.filter(code__startswith=code)


class StationQuerySet(models.QuerySet["Station"]):
    def published(self) -> Self:
        """Keep what the public may see."""
        return self.filter(status="published")

    def in_division(self, code: str) -> Self:
        """Keep the stations inside a node of the division tree: its code is the beginning of theirs."""
        return self.filter(division__code__startswith=code)

    def derive_again(self, now: datetime) -> int:
        """Let the worker derive hours and search words of these anew within a minute (`publishing.expand_due`)."""
        yesterday = clock.local_date(now) - timedelta(days=1)
        return self.filter(expanded_on__isnull=False).update(expanded_on=yesterday)

    def in_any_division(self, codes: Iterable[str]) -> Self:
        """Keep the stations inside any of these nodes; without a node nothing is kept."""
        inside = Q()
        for code in codes:
            inside |= Q(division__code__startswith=code)
        return self.filter(inside) if inside else self.none()

    def in_zone(self, code: str) -> Self:
        """Keep the stations of a functional zone."""
        return self.filter(zone_id=code)

    def with_amenities(self, *codes: str) -> Self:
        """Keep the stations that have every one of `codes`."""
        return self.filter(tags__has=[amenity_tag(code) for code in codes]) if codes else self

    def lacking_expected_amenities(self) -> Self:
        """Keep the stations that lack an amenity which their tier promises. Asks for the amenities at once."""
        from stations.models import Amenity  # the models are built from this module

        promised = list(
            Amenity.objects.filter(expected_from_tier__isnull=False).values_list("code", "expected_from_tier")
        )
        lacking = Q(pk__in=[])
        for tier in (1, 2, 3):
            codes = [amenity_tag(code) for code, from_tier in promised if from_tier is not None and from_tier >= tier]
            if codes:
                lacking |= Q(tier=tier) & ~Q(tags__has=codes)
        return self.filter(lacking)

    def naming_lacking_amenities(self) -> Self:
        """Annotate `lacking`: the names of the amenities that the tier promises and the station does not have."""
        from stations.models import Amenity, StationAmenity

        has = StationAmenity.objects.filter(station=OuterRef(OuterRef("pk")), amenity=OuterRef("pk"))
        promised = Amenity.objects.filter(expected_from_tier__gte=OuterRef("tier"))
        return self.annotate(lacking=ArraySubquery(promised.filter(~Exists(has)).values("name")))

    def not_proved_since(self, at: datetime) -> Self:
        """Keep the stations that nobody proved open at or after `at`."""
        return self.filter(Q(confirmed_at__isnull=True) | Q(confirmed_at__lt=at))

    def to_tell(self, map_name: str) -> Self:
        """Keep what the map does not know yet: stations published with a position and different from what it was told, or
        told and no longer shown.

        Annotates `says`, what should be told, and `told`, what the map was told last or None. Stations made up for the demo
        are included: their names say so.
        """
        from stations.models import MapListing

        listings = MapListing.objects.filter(station=OuterRef("pk"), map=map_name)
        says = JSONObject(
            name="name", address="address", floor="floor", phone="phone", latitude="latitude", longitude="longitude",
            hours=Case(When(hours_zh="", then=F("hours_text")), default=F("hours_zh"), output_field=models.TextField()),
        )  # fmt: skip
        known = listings.filter(Q(version=OuterRef("version")) | Q(sent=OuterRef("says")))
        shown = Q(status="published", latitude__isnull=False)
        return self.annotate(says=says, told=Subquery(listings.values("sent")[:1])).filter(
            shown & ~Exists(known) | ~Q(status="published") & Exists(listings)
        )

    def open_at(self, at: datetime) -> Self:
        """Keep the stations that are open at `at` by their hours (opening included, closing not).

        Stations whose hours are unregistered, or not expanded that far, are unknown then and left out; so are doubted ones,
        whose door people on the spot found shut.
        """
        return self.filter(open_times__hold=at, doubted_at=None)

    def hours_unknown(self, at: datetime) -> Self:
        """Keep the stations for which no hours are registered at `at`: there never were any, or their last season is over."""
        return self.filter(Q(expanded_until__isnull=True) | Q(expanded_until__lte=at))

    def usable_on(self, day: date) -> Self:
        """Keep the published ones that nobody doubts and that open at some time of the Wuhan day `day`."""
        return self.published().filter(opens_on(day), doubted_at__isnull=True)

    def near(self, point: Point) -> Self:
        """Order by distance from `point`, nearest first, and annotate `distance_m`; what has no position is left out."""
        return (
            self.filter(latitude__isnull=False)
            .annotate(distance_m=distance_from(point))
            .order_by(_PointDistance(F("pos"), _MercatorOf(point)), "id")
        )

    def matching(self, query: str) -> Self:
        """Keep the stations that hold every word of `query` in their texts: Chinese, pinyin, code, or a former name.

        An empty query keeps everything; characters that form no word (😀, ？？？) match nothing.
        """
        words = query_words(query)
        stations = self if words or not query.strip() else self.none()
        for word in words:
            found = Q()
            for choice in gram_choices(word):
                found |= Q(grams__contains=choice)
            stations = stations.filter(found, search_text__contains=word)
        return stations
