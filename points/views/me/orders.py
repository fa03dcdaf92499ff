"""What he ordered and fetched: one order, its cancelling, all redemptions, and 不是我领的."""

import uuid
from contextlib import suppress

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from core.errors import DomainError
from core.typed import posted
from couriers.models import Courier
from couriers.views.session import for_couriers
from points import disputes, queue, redemption
from points.errors import NotWaiting
from points.models import Redemption
from points.views.attendance import attendance_text
from points.views.me import looks
from stations.views import devices

__all__ = ["cancel", "cancelled", "dispute", "his", "is_in_queue", "order", "redemptions", "taken", "to_fetch"]

A_PAGE = 20


def taken(courier: Courier) -> QuerySet[Redemption]:
    """What he ordered and took, including under profiles that were merged into his."""
    return Redemption.objects.filter(courier__in=Courier.objects.one_with(courier))


def his(courier: Courier, code: str) -> Redemption:
    """His own redemption; anybody else's looks like one that does not exist.   Raises: Http404."""
    rows = taken(courier).select_related("gift", "station", "dispute", "queue_place")
    found: Redemption | None = rows.filter(code=code.upper()).first()
    if found is None:
        raise Http404
    return found


def to_fetch(courier: Courier, **which: object) -> list[looks.Fetched]:
    """What waits for him, what ends first coming first; all of it, or of `which`."""
    waiting = courier.redemptions.filter(status=Redemption.Status.ORDERED, **which)
    now = clock.now()
    return [
        looks.fetched(each, now=now)
        for each in waiting.select_related("gift", "station", "dispute").order_by("fetch_until")
    ]


def is_in_queue(order: Redemption) -> bool:
    """Whether he waits at the cabinet with a number; no query, if `queue_place` was selected."""
    place = getattr(order, "queue_place", None)
    return place is not None and place.joined_at > clock.now() - queue.LIFE


def cancelled(order: Redemption) -> Redemption:
    """Cancel the order at his own wish. This happens only once, so its number is derived from the order's."""
    return redemption.cancel(
        redemption=order, reason=audit.in_office_words(_("cancelled by the courier himself")), actor="self", at=clock.now(),
        op_id=uuid.uuid5(uuid.NAMESPACE_URL, f"redemption-cancelled:{order.code}"),
    )  # fmt: skip


@for_couriers()
def order(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    found = his(courier, redemption)
    here, now = devices.cabinet_at(request), clock.now()
    context = {
        "it": looks.fetched(found, now=now),
        "attendance": attendance_text(
            found.station.open_state(now),
            found.station.attended(now),
            now=now,
            kept_until=found.fetch_until,
            tomorrow=found.station.attended(clock.local_midnight(clock.local_date(now), days=1)),
        ),
        "is_unverified": courier.status == Courier.Status.UNVERIFIED,
        "is_in_queue": is_in_queue(found),
        "is_here": here is not None and here.pk == found.station_id,
        "is_queue_full": request.GET.get("queue") == "full",
        "balance": looks.balance_of(courier),
        "can_be_disputed": _can_be_disputed(found),
    }
    return render(request, "points/me/order.html", context)


@for_couriers(methods=["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    """Asks once more; an order that is no longer waiting is shown as what it is."""
    found = his(courier, redemption)
    own = HttpResponseRedirect(reverse("points:order", args=[found.code]))
    if request.method != "POST":
        it = looks.fetched(found, now=clock.now())
        return render(request, "points/me/cancel.html", {"it": it}) if it.is_waiting else own
    with suppress(NotWaiting):
        cancelled(found)
    return own


@for_couriers()
def redemptions(request: HttpRequest, courier: Courier) -> HttpResponse:
    """The newest first; `?before=` is where the previous page ended."""
    rows = taken(courier).select_related("gift", "station", "dispute").order_by("-pk")
    before = request.GET.get("before", "")
    if before:
        rows = rows.filter(pk__lt=_place_of(courier, before))
    shown = list(rows[: A_PAGE + 1])
    now = clock.now()
    context = {
        "all": [(looks.fetched(each, now=now), _can_be_disputed(each)) for each in shown[:A_PAGE]],
        "earlier": shown[A_PAGE - 1].code if len(shown) > A_PAGE else "",
        "is_first": not before,
    }
    return render(request, "points/me/redemptions.html", context)


def _place_of(courier: Courier, code: str) -> int:
    place: int | None = taken(courier).filter(code=code).values_list("pk", flat=True).first()
    if place is None:
        raise Http404
    return place


def _can_be_disputed(found: Redemption) -> bool:
    is_late = found.ended_at is not None and found.ended_at <= clock.now() - disputes.OPEN_WITHIN
    return (
        found.status == Redemption.Status.HANDED_OVER and not is_late and getattr(found, "dispute", None) is None
    )  # fmt: skip


@for_couriers(methods=["GET", "HEAD", "POST"])
def dispute(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    """不是我领的: says who will read it, takes it, and shows what came of it."""
    found = his(courier, redemption)
    if request.method != "POST":
        return _disputed(request, found)
    try:
        disputes.open_dispute(redemption=found, words=posted(request, "words"), at=clock.now())
    except DomainError as error:
        return _disputed(request, found, error=error)
    return HttpResponseRedirect(request.path)


def _disputed(request: HttpRequest, found: Redemption, *, error: DomainError | None = None) -> HttpResponse:
    context = {
        "it": looks.fetched(found, now=clock.now()),
        "can_be_disputed": _can_be_disputed(found),
        "said": looks.refusal(error) if error else None,
    }
    return render(request, "points/me/dispute.html", context, status=error.status if error else 200)
