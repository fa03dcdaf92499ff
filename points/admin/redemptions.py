"""Gifts for points: the orders and hand-overs of the stations in reach, and what is done with one of them."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from core import clock
from core.admin import ListLink, SparsePaginator, described_name
from couriers import codes, privacy
from points import redemption, serving
from points.admin import counter
from points.admin.scoped import OnceForm, form_page, reads_the_books
from points.admin.slips import HANDED_OVER
from points.forms.presence import PresenceForm
from points.models import Dispute, Gift, Posting, Redemption
from points.redemption import AT_COUNTER
from stations import access
from stations.admin.scoped import ScopedAdmin, signed_in
from stations.models import Duty

__all__ = ["RedemptionAdmin"]

MOST_CHOICES = 40


class HandOverForm(PresenceForm):
    field_order = ("met", "digits", "reason", "second_name", "second_password")


class CancelForm(OnceForm):
    reason = forms.CharField(
        label=_("reason"), max_length=200, help_text=_("stays in the books: no names or phone numbers")
    )


class UndoForm(OnceForm):
    reason = forms.CharField(
        label=_("reason"),
        max_length=200,
        help_text=_("stays in the books, and the courier reads it in his statement: no names or phone numbers"),
    )


class StationFilter(admin.SimpleListFilter):
    """The stations of the scope at which gifts were taken; whoever keeps only one has nothing to choose."""

    title = _("station")
    parameter_name = "station"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        scope = access.scope_of(request.user)
        used = Exists(Redemption.objects.filter(station=OuterRef("pk")))
        seen = scope.stations().filter(used).order_by("name").values_list("code", "name")
        # If there are too many to leaf through, they are found by name in the search, and only the chosen one is listed here.
        found = [] if scope.is_city else list(seen[: MOST_CHOICES + 1])
        if scope.is_city or len(found) > MOST_CHOICES:
            chosen = request.GET.get(self.parameter_name, "")
            return list(scope.stations().filter(code=chosen).values_list("code", "name")) if chosen else []
        return found if found[1:] else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redemption]) -> QuerySet[Redemption]:  # noqa: ARG002
        code = self.value()
        return queryset.filter(station__code=code) if code else queryset


class LateFilter(admin.SimpleListFilter):
    title = _("entered late")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("1", _("entered late"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redemption]) -> QuerySet[Redemption]:  # noqa: ARG002
        return queryset.exclude(form_no="") if self.value() == "1" else queryset


class GiftFilter(admin.SimpleListFilter):
    title = _("gift")
    parameter_name = "gift"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        scope = access.scope_of(request.user)
        gifts = Gift.objects.order_by("code")
        if not scope.is_city:
            taken = Redemption.objects.filter(scope.of_station("station__"), gift=OuterRef("pk"))
            gifts = gifts.filter(Exists(taken))
        return [(gift.code, gift.label) for gift in gifts[:MOST_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redemption]) -> QuerySet[Redemption]:  # noqa: ARG002
        code = self.value()
        return queryset.filter(gift__code=code) if code else queryset


def _may_undo(request: HttpRequest, found: Redemption) -> bool:
    return access.scope_of(request.user, Duty.MANAGE).covers_division(found.station.district_code)


def status_badge(found: Redemption) -> SafeString:
    badge = format_html('<span class="badge redemption-{}">{}</span>', found.status, found.get_status_display())
    if found.is_late:
        return format_html('{} <span class="badge now-doubted">{}</span>', badge, gettext("entered late"))
    return badge


def _local(at: datetime | None) -> str:
    return f"{clock.to_local(at):%Y-%m-%d %H:%M}" if at else "—"


@admin.register(Redemption)
class RedemptionAdmin(ScopedAdmin):
    """Limited to the stations in the scope: whoever keeps one counter sees what was handed over there."""

    audit_type = "redemption"
    station_path = "station__"
    menu_group = _("Points and gifts")
    menu_position = 495
    actions = None
    paginator = SparsePaginator
    list_hint = _("What couriers ordered and took. Who fetches something shows his pass, or a second colleague signs.")
    list_display = (
        "code",
        "status_in_words",
        "gift_name",
        "courier_code",
        "station_name",
        "points",
        "said_ordered_at",
        "until",
    )
    list_filter = ("status", LateFilter, GiftFilter, StationFilter)
    list_select_related = ("gift", "station", "courier")
    search_fields = ("code__exact",)
    search_help_text = _("the code of an order, whole; a member code, whole; or a station's name")
    ordering = ("-ordered_at", "-id")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - done at the counter, on its own page
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the whole code of an order or a card; otherwise by a station of the scope."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if (code := codes.read_code(term)) is not None:
            found = queryset.filter(code=code)
            return (found if found.exists() else queryset.filter(courier__code=code)), False
        stations: Any = access.scope_of(request.user).stations()
        return queryset.filter(station__in=stations.matching(term).values("pk")), False

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        if not access.scope_of(request.user, *AT_COUNTER):
            return []
        return [
            ListLink(_("At the counter"), reverse("admin:points_counter")),
            ListLink(_("Paper forms and late entries"), reverse("admin:points_late")),
        ]

    # ── The list ────────────────────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("status"), ordering="status")
    def status_in_words(self, found: Redemption) -> SafeString:
        return status_badge(found)

    @admin.display(description=_("gift"))
    def gift_name(self, found: Redemption) -> str:
        return str(found.gift.label)

    @admin.display(description=_("courier"))
    def courier_code(self, found: Redemption) -> str:
        return str(found.courier.code)

    @admin.display(description=_("station"))
    def station_name(self, found: Redemption) -> str:
        return str(found.station.name)

    @admin.display(description=_("ordered at"), ordering="ordered_at")
    def said_ordered_at(self, found: Redemption) -> str:
        return _local(found.ordered_at)

    @admin.display(description=_("to be fetched until"))
    def until(self, found: Redemption) -> str:
        return _local(found.fetch_until) if found.status == Redemption.Status.ORDERED else "—"

    # ── One of them ─────────────────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/hand-over/", view(self.hand_over_page), name="points_redemption_hand_over"),
            path("<int:pk>/cancel/", view(self.cancel_page), name="points_redemption_cancel"),
            path("<int:pk>/take-back/", view(self.undo_page), name="points_redemption_undo"),
            *super().get_urls(),
        ]

    def _found(self, request: HttpRequest, pk: Any, *duties: str) -> Redemption:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: Redemption | None = self.get_object(request, str(pk))
        if found is None:
            raise Http404
        if duties and not access.scope_of(request.user, *duties).covers(found.station):
            raise PermissionDenied
        return found

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002
        extra_context: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The receipt: what, for whom, where, when, and the postings behind it."""
        found = self._found(request, object_id)
        if request.method == "POST":
            raise PermissionDenied
        may = access.scope_of(request.user, *AT_COUNTER).covers(found.station)
        sees_courier = access.scope_of(request.user).covers_division(str(found.courier.division_id))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("{gift} for {points} points").format(gift=found.gift.label, points=found.points),
            "subtitle": None,
            "opts": self.opts,
            "found": found,
            "badge": status_badge(found),
            "person": privacy.masked(found.courier),
            "history": reverse("admin:points_courier_history", args=[found.courier_id]) if sees_courier else "",
            "lines": self._postings(request, found),
            "waits": found.status == Redemption.Status.ORDERED,
            "is_overdue": found.status == Redemption.Status.ORDERED and found.fetch_until < clock.now(),
            "may": may,
            "undo": self._way_to_undo(request, found),
            "slip": reverse("admin:points_slip", args=[found.pk]) if found.status in HANDED_OVER else "",
        }
        return TemplateResponse(request, "admin/points/redemption.html", context)

    def _way_to_undo(self, request: HttpRequest, found: Redemption) -> str:
        """Where the district takes back a hand-over: on its own page, or on the page of the dispute while it is disputed."""
        if found.status != Redemption.Status.HANDED_OVER or not _may_undo(request, found):
            return ""
        disputed = Dispute.objects.filter(redemption=found, ruling=Dispute.Ruling.OPEN).first()
        if disputed is not None:
            return reverse("admin:points_dispute_change", args=[disputed.pk])
        return reverse("admin:points_redemption_undo", args=[found.pk])

    def _postings(self, request: HttpRequest, found: Redemption) -> list[dict[str, Any]]:
        """The postings behind it, oldest first; with links into the ledger for those who read it."""
        keys = [found.ordered_id, found.ended_id, found.returned_id]
        own = Q(pk__in=[key for key in keys if key])
        # A hand-over is taken back by a posting that the redemption itself does not name.
        postings = Posting.objects.filter(own | Q(reverses=found.ended_id or 0)).order_by("pk")
        reads = reads_the_books(request, str(found.gift.division_id))
        return [
            {
                "kind": posting.get_kind_display(), "number": posting.pk, "at": _local(posting.occurred_at),
                "by": described_name(posting.actor_name), "signed": posting.approver_name, "reason": posting.reason,
                "url": reverse("admin:points_posting_change", args=[posting.pk]) if reads else "",
            }
            for posting in postings
        ]  # fmt: skip

    @method_decorator(sensitive_post_parameters("digits", "second_password"))
    def hand_over_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        found = self._found(request, pk, *AT_COUNTER)
        actor = signed_in(request)
        form = HandOverForm(
            request.POST or None,
            request=request,
            station=found.station,
            courier=found.courier,
            initial=OnceForm.fresh(),
        )

        def do(said: dict[str, Any]) -> str:
            done = serving.hand_over(
                waiting=found, presence=form.presence(), has_met=said["met"], op_id=said["op_id"], actor=actor,
                at=clock.now(),
            )  # fmt: skip
            return gettext("Handed over: {gift}.").format(gift=done.gift.label)

        hint = gettext("Give it to him after he has shown his pass: six digits on his phone, good for five minutes.")
        return self._act(request, found, form, do, label=gettext("Hand over"), hint=hint)

    def cancel_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        found = self._found(request, pk, *AT_COUNTER)

        def do(said: dict[str, Any]) -> str:
            redemption.cancel(redemption=found, **said, actor=signed_in(request), at=clock.now())
            return gettext("Cancelled. {points} points went back to him, and the piece to the cabinet.").format(
                points=found.points
            )

        hint = gettext("Points and piece go back to where they came from. The order stays in the books.")
        form = CancelForm(request.POST or None, initial=OnceForm.fresh())
        return self._act(request, found, form, do, label=gettext("Cancel the order"), hint=hint)

    def undo_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        found = self._found(request, pk)
        if not _may_undo(request, found):
            raise PermissionDenied

        def do(said: dict[str, Any]) -> str:
            redemption.undo_hand_over(redemption=found, **said, actor=signed_in(request), at=clock.now())
            return gettext(
                "Taken back. {points} points went back to him, and the piece into the books of the cabinet: if it is not there, the next count says so."
            ).format(points=found.points)

        hint = gettext(
            "For what was handed over by mistake. First get the piece back into the cabinet: the books put it there at once, and if it is missing the next count says so. His points return, and the hand-over counts for no limit. It all stays in the books."
        )
        form = UndoForm(request.POST or None, initial=OnceForm.fresh())
        return self._act(request, found, form, do, label=gettext("Take the hand-over back"), hint=hint)

    def _act(
        self, request: HttpRequest, found: Redemption, form: forms.Form, do: Any, *, label: str, hint: str
    ) -> HttpResponse:
        person = privacy.masked(found.courier)
        context = {
            "title": gettext("{what}: {gift}").format(what=label, gift=found.gift.label),
            "hint": hint,
            "shown": counter.facts(
                (_("courier"), f"{found.courier.code} {person.name} {person.phone}".rstrip()),
                (_("gift"), f"{found.gift.label} · {found.points}"),
                (_("station"), found.station.name),
            ),
            "button": label,
            "back": reverse("admin:points_redemption_change", args=[found.pk]),
            "back_name": found.receipt_no,
        }
        return form_page(request, form, do, opts=self.opts, context=context)
