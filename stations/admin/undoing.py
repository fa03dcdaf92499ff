"""Undoing what was just done to many stations: offered once, to the session that did it."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, time
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from core import clock
from core.errors import DomainError
from stations import publishing, registering
from stations.admin.scoped import ScopedAdmin, filtered_list, signed_in
from stations.hours import DatedException
from stations.models import Duty, Station
from stations.publishing import StatusChange

__all__ = ["offer_exception", "offer_status", "page"]

_KEY = "undo"
_SHOWN = 50
_NAMED = 10


def offer_status(options: ScopedAdmin, request: HttpRequest, said: str, changes: Iterable[StatusChange]) -> None:
    """Say what was done, with the way to undo it."""
    _offer(options, request, said, {"changes": [[each.station_id, each.before, each.after] for each in changes]})


def offer_exception(
    options: ScopedAdmin, request: HttpRequest, said: str, stations: Iterable[Station], exception: DatedException
) -> None:
    """Say what was done, with the way to undo it."""
    plain = {name: None if value is None else str(value) for name, value in asdict(exception).items()}
    _offer(options, request, said, {"stations": [station.pk for station in stations], "exception": plain})


def _offer(options: ScopedAdmin, request: HttpRequest, said: str, what: dict[str, Any]) -> None:
    request.session[_KEY] = what | {"said": said}
    url = f"{reverse('admin:stations_station_undo')}?{options.get_preserved_filters(request)}"
    link = format_html('{} <a href="{}">{}</a>', said, url, gettext("Undo"))
    options.message_user(request, link, messages.SUCCESS)


def page(options: ScopedAdmin, request: HttpRequest) -> HttpResponse:
    """What would be undone, and the button that undoes it."""
    listed = filtered_list(options, request)
    what: dict[str, Any] | None = request.session.get(_KEY)
    if what is None:
        options.message_user(request, gettext("There is nothing to undo any more."), messages.WARNING)
        return HttpResponseRedirect(listed)
    if request.method == "POST":
        del request.session[_KEY]
        try:
            done = _undo(request, what)
        except DomainError as refusal:
            options.message_user(request, str(refusal), messages.ERROR)
        else:
            said = gettext("Undone at {number} stations.").format(number=len(done))
            options.message_user(request, said, messages.SUCCESS)
            if left := list(_stations(options, request, what).exclude(pk__in=[station.pk for station in done])):
                said = gettext("Changed again since, and left as they are: {stations}.")
                names = gettext(", ").join(station.name for station in left[:_NAMED]) + "…" * (len(left) > _NAMED)
                options.message_user(request, said.format(stations=names), messages.WARNING)
        return HttpResponseRedirect(listed)
    ids, stations = _ids(what), _stations(options, request, what)
    context = {
        **options.admin_site.each_context(request),
        "title": gettext("Undo"),
        "said": what["said"],
        "stations": stations[:_SHOWN],
        "more": max(0, len(ids) - _SHOWN),
        "opts": options.opts,
        "back": listed,
    }
    return TemplateResponse(request, "admin/stations/undo.html", context)


def _ids(what: dict[str, Any]) -> list[int]:
    return what.get("stations") or [change[0] for change in what.get("changes", [])]


def _stations(options: ScopedAdmin, request: HttpRequest, what: dict[str, Any]) -> QuerySet[Station]:
    """The stations that it was done to, as far as the account keeps them."""
    return options.scope(request, Duty.MANAGE).stations().filter(pk__in=_ids(what)).order_by("code")


def _undo(request: HttpRequest, what: dict[str, Any]) -> list[Station]:
    by, at = signed_in(request), clock.now()
    if "exception" in what:
        return registering.withdraw_exception(
            station_ids=what["stations"], exception=_exception(what["exception"]), actor=by, at=at
        )
    changes = [StatusChange(pk, (*before,), (*after,)) for pk, before, after in what["changes"]]
    return publishing.put_back(changes=changes, actor=by, at=at)


def _exception(plain: dict[str, str | None]) -> DatedException:
    def at(name: str) -> time | None:
        value = plain[name]
        return None if value is None else time.fromisoformat(value)

    return DatedException(
        starts_on=date.fromisoformat(plain["starts_on"] or ""),
        ends_on=date.fromisoformat(plain["ends_on"] or ""),
        opens=at("opens"),
        closes=at("closes"),
        entry_mode=plain["entry_mode"] or "",
        reason=plain["reason"] or "",
    )
