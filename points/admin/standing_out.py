"""Who stands out: pairs of staff and courier to look into, for those who audit."""

from datetime import timedelta

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin_site import FengchaoAdminSite
from couriers.models import Courier
from points import suspicion
from points.admin.scoped import READERS, districts_seen, holds_a_district
from points.models import Award
from stations import access

__all__ = ["standing_out"]

SPANS = {"30": _("30 days"), "90": _("90 days"), "365": _("a year")}
USUAL = "90"
DEEDS = {"award": _("points by hand"), "handover": _("gifts without a pass")}


def standing_out(request: HttpRequest) -> TemplateResponse:
    """The pairs of the districts in the reader's scope, the least likely first."""
    if not holds_a_district(request, *READERS):
        raise PermissionDenied
    span = request.GET.get("days", "")
    span = span if span in SPANS else USUAL
    now, scope = clock.now(), access.scope_of(request.user, *READERS)
    names = {district.code: district.label for district in districts_seen(request, *READERS)}
    pairs = suspicion.stand_out(
        since=now - timedelta(days=int(span)), until=now, districts=None if scope.is_city else list(names)
    )
    # The couriers whose page the reader may open too.
    own = set(
        Courier.objects.within(access.scope_of(request.user))
        .filter(pk__in=[pair.courier_id for pair in pairs])
        .values_list("pk", flat=True)
    )
    context = {
        **admin.site.each_context(request),
        "title": gettext("Who stands out"),
        "subtitle": None,
        "opts": Award._meta,
        "spans": SPANS.items(),
        "span": span,
        "pairs": [
            {
                "pair": pair,
                "deed": DEEDS[pair.deed],
                "district": names.get(pair.district, pair.district),
                "deeds": f"{reverse('admin:points_deeds')}?{urlencode({'who': pair.staff})}",
                "history": reverse("admin:points_courier_history", args=[pair.courier_id]) if pair.courier_id in own else "",
            }
            for pair in pairs
        ],
    }  # fmt: skip
    return TemplateResponse(request, "admin/points/standing_out.html", context)


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/standing-out/", standing_out, name="points_stand_out")
