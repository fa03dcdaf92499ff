"""通行码: six digits and a QR on the phone, to show at a counter."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core import clock
from core.errors import DomainError
from couriers.models import Courier
from couriers.views.session import for_couriers
from points import passes
from points.views.me import looks
from stations.views.poster import qr_svg

__all__ = ["show_pass"]


@for_couriers(methods=["GET", "HEAD", "POST"])
def show_pass(request: HttpRequest, courier: Courier) -> HttpResponse:
    """Made only by a tap: a new pass ends the previous one, and merely opening the page is not asking for one. Our tables
    hold only its digest, so the response to the tap is the only page that shows it."""
    context: dict[str, object] = {"is_unverified": courier.status == Courier.Status.UNVERIFIED}
    status = 200
    if request.method == "POST":
        now = clock.now()
        try:
            digits = passes.issue(courier=courier, at=now)
        except DomainError as error:
            context["said"], status = looks.refusal(error), error.status
        else:
            context |= {
                "digits": (digits[:3], digits[3:]),
                "qr": qr_svg(digits),
                "until": f"{clock.to_local(now + passes.LIFE):%H:%M:%S}",
                "seconds": int(passes.LIFE.total_seconds()),
            }
    return render(request, "points/me/pass.html", context, status=status)
