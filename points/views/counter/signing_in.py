"""Signing in at the counter, choosing the station, and changing who acts (经办人) in one step."""

from typing import Any

from django import forms
from django.contrib.auth import logout
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from core.errors import NotFound
from core.models import User
from core.signing_in import SignInForm
from core.typed import posted
from couriers.views.session import unkept
from points.redemption import AT_COUNTER
from points.views.counter.frame import (
    BOTH,
    Counter,
    choose,
    counters_of,
    for_stewards,
    show,
    sign_in_as,
    stations_of,
)
from stations import access
from stations.access import Scope
from stations.models import Station
from stations.publishing import SHUT
from stations.views.errors import page

__all__ = ["change", "sign_in", "sign_out", "station"]

_NAMES = "counter_names"  # a cookie: who signed in on this device recently; never a password
MOST_NAMES = 4
NAMES_KEPT_FOR_S = 30 * 86_400
MOST_STATIONS = 30
MOST_SHUT = 5


class CounterSignInForm(SignInForm):
    """Name and password of somebody who has a counter."""

    error_messages = {
        **SignInForm.error_messages,
        "no_counter": _(
            "This account hands out gifts at no station. Ask your district's office for the duty “counter”."
        ),
        "not_here": _("This account does not hand out gifts at this station. Choose a colleague who does."),
    }
    station: Station | None = None

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        scope: Scope = access.scope_of(user, *AT_COUNTER)
        if not scope:
            raise forms.ValidationError(self.error_messages["no_counter"], code="no_counter")
        if self.station is not None and not scope.covers(self.station):
            raise forms.ValidationError(self.error_messages["not_here"], code="not_here")


def _names(request: HttpRequest, *, at: Station | None = None) -> list[str]:
    """Who signed in on this device recently and may still hand over gifts, or may do so at this station."""
    try:
        kept = signing.loads(request.COOKIES.get(_NAMES, ""), salt=_NAMES, max_age=NAMES_KEPT_FOR_S)
    except signing.BadSignature:
        return []
    found = User.objects.filter(username__in=kept, is_staff=True)
    scopes = {user.get_username(): access.scope_of(user, *AT_COUNTER) for user in found}
    return [name for name in kept if (scope := scopes.get(name)) and (at is None or scope.covers(at))]


def _remember_name(request: HttpRequest, response: HttpResponse, name: str) -> None:
    names = [name, *(other for other in _names(request) if other != name)][:MOST_NAMES]
    # As ASCII: a name may be Chinese, but a header must not be.
    response.set_cookie(
        _NAMES, signing.dumps(names, salt=_NAMES), max_age=NAMES_KEPT_FOR_S, path=reverse("points:counter"),
        secure=request.is_secure(), httponly=True, samesite="Lax",
    )  # fmt: skip


def _back(request: HttpRequest) -> str:
    back = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if is_ours and back.startswith(reverse("points:counter")) else reverse("points:counter")


@unkept
@page(methods=BOTH)
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    form = CounterSignInForm(request, data=request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        sign_in_as(request, form.get_user())
        response = HttpResponseRedirect(_back(request))
        _remember_name(request, response, form.get_user().get_username())
        return response
    chosen = request.GET.get("name", "")
    names = _names(request)
    context = {
        "form": form,
        "names": names,
        "name": form["username"].value() or (chosen if chosen in names else ""),
        "next": _back(request),
        # Signed in, but led here because the account has no duty at a counter.
        "has_no_counter": request.user.is_authenticated and not counters_of(request),
    }
    return render(request, "points/counter/sign_in.html", context)


@unkept
@page(methods=["POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(reverse("points:counter-sign-in"))


@for_stewards(methods=BOTH)
def change(request: HttpRequest, counter: Counter) -> HttpResponse:
    """Let somebody else act from now on, at the same station."""
    form = CounterSignInForm(request, data=request.POST if request.method == "POST" else None)
    form.station = counter.station
    if request.method == "POST" and form.is_valid():
        sign_in_as(request, form.get_user())
        response = HttpResponseRedirect(reverse("points:counter"))
        _remember_name(request, response, form.get_user().get_username())
        return response
    names = [name for name in _names(request, at=counter.station) if name != counter.actor.get_username()]
    chosen = request.GET.get("name", "")
    context = {"form": form, "names": names, "name": form["username"].value() or (chosen if chosen in names else "")}
    return show(request, counter, "change.html", context)


@unkept
@page(methods=BOTH)
def station(request: HttpRequest) -> HttpResponse:
    """Choose the counter, one of those in the scope. Any other looks like one that does not exist."""
    scope = counters_of(request)
    if not scope:
        return HttpResponseRedirect(reverse("points:counter-sign-in"))
    if request.method == "POST":
        found = stations_of(scope).filter(code=posted(request, "station").upper()).first()
        if found is None:
            raise NotFound
        choose(request, found)
        return HttpResponseRedirect(_back(request))
    query = request.GET.get("q", "").strip()
    matching: Any = stations_of(scope)
    found_all = list((matching.matching(query) if query else matching)[: MOST_STATIONS + 1])
    # Whoever finds no counter is told what became of his stations.
    shut: Any = (
        scope.stations().filter(status__in=SHUT).only("name", "code", "status", "status_reason").order_by("name")
    )
    context = {
        "stations": found_all[:MOST_STATIONS],
        "shut": [] if found_all or query else list(shut[:MOST_SHUT]),
        "has_more": len(found_all) > MOST_STATIONS,
        "query": query,
        "asks": bool(query) or len(found_all) > MOST_STATIONS,
        "next": _back(request),
        "title": gettext("At which counter do you stand?"),
    }
    return render(request, "points/counter/station.html", context)
