"""Who acts at which station: what every page of the counter needs to know first."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters

from core.errors import NotFound
from core.models import User
from couriers.views.session import unkept
from points.models import Redemption
from points.redemption import AT_COUNTER
from stations import access
from stations.access import Scope
from stations.models import Station
from stations.querysets import StationQuerySet
from stations.views.errors import READING, page

__all__ = [
    "BOTH",
    "Counter",
    "by_script",
    "choose",
    "counters_of",
    "for_stewards",
    "show",
    "sign_in_as",
]

Arguments = ParamSpec("Arguments")
BOTH: Collection[str] = (*READING, "POST")
_STATION = "counter_station"  # in the session
UNSEEN = ("grams", "tags", "search_text", "open_times")  # what is derived for look-ups makes up most of a station's row


@dataclass(frozen=True, slots=True)
class Counter:
    """A steward at the counter of one station."""

    actor: User
    station: Station
    scope: Scope

    def redemption(self, code: str) -> Redemption:
        """A redemption ordered from or fetched at this counter.   Raises: NotFound."""
        found = (
            Redemption.objects.filter(station=self.station, code=code.upper())
            .select_related("courier", "gift", "station", "ended")
            .first()
        )
        if found is None:
            raise NotFound
        return found


def counters_of(request: HttpRequest) -> Scope:
    """Where the account may hand over gifts now; nowhere if it is no longer staff, as in the office."""
    is_staff = isinstance(request.user, User) and request.user.is_staff
    return access.scope_of(request.user, *AT_COUNTER) if is_staff else Scope()


def stations_of(scope: Scope) -> StationQuerySet:
    """The counters of whoever has this scope."""
    return scope.stations().published().defer(*UNSEEN).order_by("name", "code")


def choose(request: HttpRequest, station: Station) -> None:
    """Act at this station from now on."""
    request.session[_STATION] = station.pk


def chosen(request: HttpRequest, scope: Scope) -> Station | None:
    """The station of this browser, if its account may still act there; if there is only one, it needs no choice."""
    kept = request.session.get(_STATION)
    found = stations_of(scope).filter(pk=kept).first() if kept else None
    if found is None:
        only = list(stations_of(scope)[:2])
        found = only[0] if len(only) == 1 else None
        if found is not None:
            choose(request, found)
    return found


def sign_in_as(request: HttpRequest, user: Any) -> None:
    """Let `user`, whose password was checked, act in this browser, at the same station."""
    station = request.session.get(_STATION)
    login(request, user)  # a new session: what the previous person had found stays his own
    if station:
        request.session[_STATION] = station


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def for_stewards(
    *, methods: Collection[str] = READING
) -> Callable[[Callable[Concatenate[HttpRequest, Counter, Arguments], HttpResponse]], Callable[..., HttpResponse]]:
    """A page for people who have a duty at a counter now; the view is told who acts, and at which station.

    Anybody else is led to signing in; once a role has ended or an account was switched off, its next request is refused.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Counter, Arguments], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @unkept
        @page(methods=methods)
        @sensitive_post_parameters("who", "digits", "password", "second_password")
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            scope = counters_of(request)
            station = chosen(request, scope) if scope else None
            if station is None or not isinstance(request.user, User):
                to = reverse("points:counter-station" if scope else "points:counter-sign-in")
                # What a script fetches is a part of a page, to which nobody should be led.
                is_page = request.method in READING and not by_script(request)
                back = request.get_full_path() if is_page else ""
                return led_away(request, f"{to}?{urlencode({'next': back})}" if back else to)
            return view(request, Counter(request.user, station, scope), *args, **kwargs)

        return answer

    return decorate


def led_away(request: HttpRequest, address: str) -> HttpResponse:
    """Lead to another page; a script is told the URL, since it would follow a redirect without showing it."""
    if not by_script(request):
        return HttpResponseRedirect(address)
    response = HttpResponse(status=401)
    response["Location"] = address
    return response


def show(
    request: HttpRequest, counter: Counter, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page of the counter."""
    return render(request, f"points/counter/{template}", {"counter": counter, **(context or {})}, status=status)
