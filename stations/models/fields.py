"""Column types that Django lacks and PostgreSQL has."""

from typing import Any

from django.db import models
from django.db.models.lookups import Lookup

__all__ = ["MercatorPoint", "MomentsField", "PointField"]


class PointField(models.Field[Any, Any]):
    """PostgreSQL's own `point`: two floats. Used for a GiST index that finds the nearest first; never written by hand."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return "point"


class MomentsField(models.Field[str, str]):
    """A set of moments (`tstzmultirange`), for conditions alone: `__hold` a moment, `__meet` a stretch from one to another."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return "tstzmultirange"


@MomentsField.register_lookup
class Hold(Lookup[Any]):
    """`open_times__hold=at`: the moment is one of them."""

    lookup_name = "hold"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} @> %s::timestamptz", (*params, self.rhs)


@MomentsField.register_lookup
class Meet(Lookup[Any]):
    """`open_times__meet=(begins, ends)`: one of them lies between the two, the end not included."""

    lookup_name = "meet"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} && tstzrange(%s, %s)", (*params, *self.rhs)


class MercatorPoint(models.Func):
    """Latitude and longitude (WGS-84, degrees) as a point in Web Mercator metres, NULL while either is NULL.

    Mercator keeps shapes in the small, so the nearest in it is the nearest on the ground (over a city the scale differs
    by under 1 %); metres on the ground come from haversine afterwards.
    """

    template = "point(6378137.0 * radians(%(longitude)s), 6378137.0 * ln(tan(pi() / 4 + radians(%(latitude)s) / 2)))"
    output_field = PointField()

    def as_sql(self, compiler: Any, connection: Any, *_args: Any, **_context: Any) -> Any:  # noqa: ARG002
        latitude, longitude = (compiler.compile(source)[0] for source in self.source_expressions)
        return self.template % {"latitude": latitude, "longitude": longitude}, []
