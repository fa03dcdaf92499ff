"""核实链接 on the phone of whoever is at the door: one page, one form, sent once.

The token in the URL is a key. So the pages are kept nowhere, and no other page, ours or anybody's, learns it: not from
the Referer (Django's CSRF check needs the origin, and gets no more) and not from the links of the page.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext

from core import clock, limits
from core.addresses import address_key
from stations import confirming, visiting
from stations.errors import VisitLinkClosed
from stations.forms import PHOTO_FIELDS, VisitForm
from stations.models import Amenity, Confirmation, StationAmenity, VisitLink, VisitReport
from stations.models.visits import LinkState
from stations.views import devices
from stations.views.errors import page

__all__ = ["visit"]

# People correct their forms a few times. All phones of a mobile carrier's gateway are behind one address.
LINK_LIMIT = limits.Limit("visit-link", calls=20, window_s=3600)
ADDRESS_LIMIT = limits.Limit("visit-address", calls=300, window_s=3600)


def visit(request: HttpRequest, token: str) -> HttpResponse:
    response = _visit(request, token)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


@page(methods=["GET", "HEAD", "POST"])
def _visit(request: HttpRequest, token: str) -> HttpResponse:
    now = clock.now()
    link = visiting.link_of(token)
    device = devices.device_id(request)
    witness = confirming.witness_at(link.station, device) if device else ""
    state = link.state_at(now)
    if state is not LinkState.OPEN:
        # Sent twice by an impatient finger: the second request finds what the first has done.
        return (
            HttpResponseRedirect(request.path) if request.method == "POST" else _closed(request, link, state, witness)
        )
    amenities = list(Amenity.objects.order_by("position", "code"))
    if request.method != "POST":
        return _asked(request, link, VisitForm(amenities=amenities))
    limits.enforce(ADDRESS_LIMIT, key=address_key(request), at=now)
    limits.enforce(LINK_LIMIT, key=str(link.pk), at=now)
    form = VisitForm(request.POST, request.FILES, amenities=amenities)
    if not form.is_valid():
        return _asked(request, link, form)
    device = device or devices.new_device_id()
    response = HttpResponseRedirect(request.path)
    try:
        visiting.report(link=link, answers=form.answers, witness=confirming.witness_at(link.station, device), at=now)
    except VisitLinkClosed:
        return response
    devices.remember_device(response, device)
    return response


def _asked(request: HttpRequest, link: VisitLink, form: VisitForm) -> HttpResponse:
    """The form, empty or with the mistakes beside the fields. Browsers keep no chosen files, so it asks for photos again."""
    station = link.station
    if form.is_bound:
        has = set(form.data.getlist("amenities"))  # type: ignore[attr-defined]
    else:
        has = set(StationAmenity.objects.filter(station=station).values_list("amenity_id", flat=True))
    icons = ("entered", "locked", "broken", "moved")
    context: dict[str, Any] = {
        "station": station,
        "form": form,
        "errors": {name: errors[0] for name, errors in form.errors.items()},
        "outcomes": [
            (value, icon, label, form["outcome"].value() == value)
            for icon, (value, label) in zip(icons, Confirmation.Outcome.choices, strict=True)
        ],
        "amenities": [
            (code, label, code in has)
            for code, label in form.fields["amenities"].choices  # type: ignore[attr-defined]
        ],
        "photos": [(name, form.errors.get(name)) for name in PHOTO_FIELDS],
        "had_photos": form.is_bound and bool(form.photos),
        "hours": station.hours_zh or station.hours_text,
    }
    return render(request, "stations/visit_form.html", context, status=400 if form.errors else 200)


def _closed(request: HttpRequest, link: VisitLink, state: LinkState, witness: str) -> HttpResponse:
    """Thanks for whoever sent the report; for others, why the link is closed and whom to ask."""
    sent = VisitReport.objects.filter(link=link).first() if state is LinkState.USED else None
    if sent is not None and witness and witness == sent.witness:
        has = [amenity.label for amenity in Amenity.objects.filter(code__in=sent.amenities or [])]
        context = {"station": link.station, "report": sent, "amenities": gettext(", ").join(has)}
        return render(request, "stations/visit_sent.html", context)
    titles = {
        LinkState.USED: gettext("Somebody has already checked here with this link."),
        LinkState.EXPIRED: gettext("This link is too old."),
        LinkState.REVOKED: gettext("This link was taken back."),
    }
    context = {"station": link.station, "title": titles[state], "state": str(state)}
    return render(request, "stations/visit_closed.html", context, status=VisitLinkClosed.status)
