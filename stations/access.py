"""Who may see and do what: the one door through which staff reach what lies in a district.

A role is scope × duties (`StaffRole`). What is outside a scope looks exactly like what does not exist (404, same body);
what may be seen but not changed is refused (403). Roles are read anew for each request, so a change takes effect on the
next one. Commands act under a name, not an account, and are not limited.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import DomainError, NotFound
from core.models import User
from stations.models import Division, Duty, StaffRole, Station
from stations.querysets import DivisionQuerySet, StationQuerySet

__all__ = [
    "CITY_CODE",
    "DISTRICT_DIGITS",
    "DutyMissing",
    "Need",
    "Scope",
    "StaffBackend",
    "events_seen",
    "permit",
    "require",
    "responsible_for",
    "scope_of",
]

CITY_CODE = "4201"
DISTRICT_DIGITS = 6  # of a district's code, with which those of all inside it begin
EVERYWHERE = ""  # the beginning of every code
FEW_STATIONS = 2_000


class DutyMissing(DomainError):
    code, status = "duty_missing", 403
    title = _("Your account may look at this, but not change it.")


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the town within which an account may do something: nodes of the tree, and single stations."""

    prefixes: tuple[str, ...] = ()
    station_ids: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.prefixes or self.station_ids)

    @property
    def is_city(self) -> bool:
        """Whether it includes the whole city: what all districts share is kept by the city alone."""
        return any(CITY_CODE.startswith(prefix) for prefix in self.prefixes)

    @property
    def holds_a_district(self) -> bool:
        """Whether it includes a whole district, and not only streets or stations."""
        return any(len(prefix) <= DISTRICT_DIGITS for prefix in self.prefixes)

    def covers_division(self, code: str) -> bool:
        """Whether the node `code` lies in it."""
        return code.startswith(self.prefixes)

    def covers(self, station: Station) -> bool:
        return station.pk in self.station_ids or self.covers_division(str(station.division_id))

    def of_station(self, path: str = "") -> Q:
        """The condition that keeps the rows whose station lies in it. `path` leads to the station, such as "station__"."""
        if self.is_city:
            return Q()
        parts = [Q(**{f"{path}division__code__startswith": prefix}) for prefix in self.prefixes]
        if self.station_ids:
            parts.append(Q(**{f"{path}pk__in": self.station_ids}))
        return reduce(or_, parts, Q(pk__in=[]))

    def stations(self) -> StationQuerySet:
        """The stations in it."""
        return Station.objects.filter(self.of_station())

    def divisions(self) -> DivisionQuerySet:
        """The nodes in it. A single station brings no division: whoever keeps it does not keep its street."""
        parts = [Q(code__startswith=prefix) for prefix in self.prefixes]
        return Division.objects.filter(reduce(or_, parts, Q(pk__in=[])))

    def outermost(self) -> list[Division]:
        """The nodes it is made of, the largest first; for headings."""
        own = Division.objects.filter(pk__in=self.prefixes).order_by("code")
        return [node for node in own if not any(node.code != p and node.code.startswith(p) for p in self.prefixes)]


def scope_of(user: User | AnonymousUser, *duties: str) -> Scope:
    """Where `user` has any of `duties` now; without `duties`, where he may at least look."""
    if not isinstance(user, User) or not user.is_active:
        return Scope()
    if user.is_superuser:
        return Scope(prefixes=(EVERYWHERE,))
    roles = [role for role in _roles(user) if not duties or set(duties) & set(role.duties)]
    return Scope(
        prefixes=tuple(sorted({str(role.division_id) for role in roles if role.division_id})),
        station_ids=frozenset(role.station_id for role in roles if role.station_id),
    )


def _roles(user: User) -> list[StaffRole]:
    """The roles of `user` now. Kept on the object, which lives for one request."""
    kept: list[StaffRole] | None = user.__dict__.get("_roles_now")
    if kept is None:
        now = clock.now()
        ahead = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
        kept = user.__dict__["_roles_now"] = list(StaffRole.objects.filter(ahead, user=user, starts_at__lte=now))
    return kept


def require(actor: User | str, *duties: str, stations: Iterable[Station] = (), divisions: Iterable[str] = ()) -> None:
    """Let `actor` pass if he has one of `duties` for all of `stations` and `divisions` (codes). Called by every verb.

    Raises: NotFound where he may not even look; DutyMissing where he may look only.
    """
    if isinstance(actor, str):
        return
    may, sees = scope_of(actor, *duties), scope_of(actor)
    for station in stations:
        if not may.covers(station):
            raise DutyMissing(station=station.code) if sees.covers(station) else NotFound()
    for code in divisions:
        if not may.covers_division(code):
            raise DutyMissing(division=code) if sees.covers_division(code) else NotFound()


def responsible_for(station: Station, *duties: str) -> list[User]:
    """Who is told about `station`: those at its counter, and its nearest managers; with `duties`, where only they can do
    something about it, whoever has one of them instead.

    The nearest are those of the neighbourhood if there are any, else of the subdistrict, the district, or the city.
    """
    now = clock.now()
    code = str(station.division_id)
    path = [code[:length] for length in (4, 6, 9, 12) if len(code) >= length]
    roles = StaffRole.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now),
        Q(station=station, duties__overlap=duties or [Duty.COUNTER, Duty.MANAGE])
        | Q(division__in=path, duties__overlap=duties or [Duty.MANAGE]),
        starts_at__lte=now,
        user__is_active=True,
    ).select_related("user")
    nearest = max((len(str(role.division_id)) for role in roles if role.division_id), default=0)
    told = [role.user for role in roles if role.station_id or len(str(role.division_id)) == nearest]
    return list({user.pk: user for user in told}.values())


# ── Django's permissions, answered from roles ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Need:
    """What a permission needs: one of `duties` somewhere (none: any role), or for the city as a whole."""

    duties: tuple[str, ...] = ()
    city: bool = False


_LOOK, _MANAGE, _CITY = Need(), Need((Duty.MANAGE,)), Need((Duty.MANAGE,), city=True)
_REVIEW = Need((Duty.MANAGE, Duty.REVIEW))
_permitted: dict[str, Need] = {
    "stations.view_station": _LOOK,
    "stations.add_station": _MANAGE,
    "stations.change_station": _MANAGE,
    "stations.view_confirmation": _LOOK,
    "stations.view_stationuse": _LOOK,
    "stations.view_visitlink": _LOOK,
    "stations.view_visitreport": _LOOK,
    "stations.change_visitreport": _REVIEW,
    "stations.view_division": _LOOK,
    "stations.change_division": _MANAGE,
    "stations.view_amenity": _LOOK,
    "stations.change_amenity": _CITY,
    "stations.view_zone": _LOOK,
    "stations.view_daytype": _LOOK,
    "stations.add_daytype": _CITY,
    "stations.change_daytype": _CITY,
    "core.view_auditevent": Need((Duty.AUDIT, Duty.MANAGE)),
}


def permit(needs: dict[str, Need]) -> None:
    """Declare what the permissions of an app above this one need. Those not declared are for superusers only."""
    _permitted.update(needs)


class StaffBackend(ModelBackend):
    """Signs staff in by name and password, and answers `has_perm` from roles: there are no groups to keep beside them.

    The answer is "somewhere"; where exactly is asked of the scope, by querysets, forms and verbs.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:  # noqa: ARG002 - scope is asked apart
        need = _permitted.get(perm)
        if need is None or not isinstance(user_obj, User):
            return False
        scope = scope_of(user_obj, *need.duties)
        return scope.is_city if need.city else bool(scope)

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return {perm for perm in _permitted if self.has_perm(user_obj, perm, obj)}

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(perm.startswith(f"{app_label}.") and self.has_perm(user_obj, perm) for perm in _permitted)


def events_seen(scope: Scope) -> Q:
    """The condition that keeps the events of the trail whose subject lies in `scope`.   One query for a small scope."""
    if scope.is_city:
        return Q()
    # A few stations' codes use the index by subject; with many stations the newest events are found at once anyway.
    stations: Collection[Any] = list(scope.stations().order_by().values_list("code", flat=True)[: FEW_STATIONS + 1])
    if len(stations) > FEW_STATIONS:
        stations = scope.stations().order_by().values("code")
    about_division = [Q(subject_type="division", subject_code__startswith=prefix) for prefix in scope.prefixes]
    return reduce(or_, about_division, Q(subject_type="station", subject_code__in=stations))
