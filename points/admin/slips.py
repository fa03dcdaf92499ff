"""签收单: the paper that says a gift was handed over, twice on one sheet: for the station and for the courier."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from core import clock
from core.admin import described_name
from core.admin_site import FengchaoAdminSite
from couriers import privacy
from points.models import Redemption
from stations import access

__all__ = ["slip"]

HANDED_OVER = ("handed-over", "returned")


def slip(request: HttpRequest, pk: int) -> TemplateResponse:
    """For a gift handed over at a station in the reader's scope; name and phone stay masked on paper too."""
    if not request.user.has_perm("points.view_redemption"):
        raise PermissionDenied
    scope = access.scope_of(request.user)
    found = (
        Redemption.objects.filter(scope.of_station("station__"), pk=pk, status__in=HANDED_OVER)
        .select_related("gift", "station__division", "courier", "ended")
        .first()
    )
    if found is None or found.ended is None or found.ended_at is None:
        raise Http404
    context = {
        **admin.site.each_context(request),
        "title": gettext("Receipt slip {code}").format(code=found.receipt_no),
        "subtitle": None,
        "opts": Redemption._meta,
        "found": found,
        "at": clock.to_local(found.ended_at),
        "by": described_name(found.ended.actor_name),
        "second": found.ended.approver_name,
        "reason": found.ended.reason,
        "person": privacy.masked(found.courier),
        "copies": [gettext("for the station"), gettext("for the courier")],
        "printed_at": clock.to_local(clock.now()),
        "is_returned": found.status != Redemption.Status.HANDED_OVER,
    }
    return TemplateResponse(request, "admin/points/slip.html", context)


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/slips/<int:pk>/", slip, name="points_slip")
