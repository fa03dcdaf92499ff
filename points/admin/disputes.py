"""不是我领的: what couriers dispute, and the page on which their district decides. No steward of a single station sees it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ReadOnlyAdmin, SparsePaginator, described_name, name_in_trail
from couriers import privacy
from points import disputes
from points.admin.counter import facts
from points.admin.scoped import OnceForm, districts_seen, form_page, holds_a_district
from points.models import Dispute
from stations import access
from stations.access import Need
from stations.admin.scoped import signed_in
from stations.models import Duty

__all__ = ["DisputeAdmin"]

_READ = (*disputes.DECIDERS, Duty.AUDIT)

access.permit({"points.view_dispute": Need(_READ)})
name_in_trail({"dispute": _("dispute")})


class DecisionForm(OnceForm):
    ruling = forms.ChoiceField(
        label=_("ruling"), widget=forms.RadioSelect,
        choices=[choice for choice in Dispute.Ruling.choices if choice[0] != Dispute.Ruling.OPEN],
    )  # fmt: skip
    answer = forms.CharField(
        label=_("answer to the courier"), max_length=200, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("he reads it beside the redemption, and it stays in the books: no names or phone numbers"),
    )  # fmt: skip


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    menu_group = _("Points and gifts")
    menu_position = 497
    actions = None
    paginator = SparsePaginator
    list_hint = _(
        "Couriers who say that they did not get a gift. Whoever handed it over neither sees this nor decides."
    )
    list_display = ("code", "ruling_badge", "gift_name", "station_name", "said_opened_at", "decided_by")
    list_filter = ("ruling",)
    list_select_related = ("redemption__gift", "redemption__station")
    ordering = ("-opened_at", "-id")
    fields = (
        "ruling_badge", "receipt", "gift_name", "station_name", "courier_masked", "said_handed_over_at", "handed_over_by",
        "proof", "words", "said_opened_at", "others", "answer", "decided_by", "said_decided_at", "decision",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispute]:
        # A person whom a courier accuses sees nothing of it, whatever his duties and however wide his scope.
        rows: QuerySet[Dispute] = (
            super().get_queryset(request).exclude(disputes.part_of(signed_in(request).get_username()))
        )
        if access.scope_of(request.user, *_READ).is_city:
            return rows
        districts = list(districts_seen(request, *_READ).values_list("code", flat=True))
        return rows.filter(redemption__gift__division__in=districts)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and holds_a_district(request, *_READ)

    # ── What it says ────────────────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("redemption"))
    def code(self, dispute: Dispute) -> str:
        return str(dispute.redemption.code)

    @admin.display(description=_("redemption"))
    def receipt(self, dispute: Dispute) -> SafeString:
        address = reverse("admin:points_redemption_change", args=[dispute.redemption_id])
        return format_html('<a href="{}">{}</a>', address, dispute.redemption.receipt_no)

    @admin.display(description=_("ruling"), ordering="ruling")
    def ruling_badge(self, dispute: Dispute) -> SafeString:
        kind = {"open": "sent", "upheld": "accepted", "dismissed": "refused"}[dispute.ruling]
        return format_html('<span class="badge report-{}">{}</span>', kind, dispute.get_ruling_display())

    @admin.display(description=_("gift"))
    def gift_name(self, dispute: Dispute) -> str:
        found = dispute.redemption
        return gettext("{gift}: {points} points").format(gift=found.gift.label, points=found.points)

    @admin.display(description=_("station"))
    def station_name(self, dispute: Dispute) -> str:
        return str(dispute.redemption.station.name)

    @admin.display(description=_("courier"))
    def courier_masked(self, dispute: Dispute) -> str:
        courier = dispute.redemption.courier
        person = privacy.masked(courier)
        return f"{courier.code} {person.name} {person.phone}".rstrip()

    @admin.display(description=_("opened at"), ordering="opened_at")
    def said_opened_at(self, dispute: Dispute) -> str:
        return f"{clock.to_local(dispute.opened_at):%Y-%m-%d %H:%M}"

    @admin.display(description=_("decided at"))
    def said_decided_at(self, dispute: Dispute) -> str:
        return "—" if dispute.decided_at is None else f"{clock.to_local(dispute.decided_at):%Y-%m-%d %H:%M}"

    @admin.display(description=_("handed over at"))
    def said_handed_over_at(self, dispute: Dispute) -> str:
        ended = dispute.redemption.ended
        return "—" if ended is None else f"{clock.to_local(ended.occurred_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("handed over by"))
    def handed_over_by(self, dispute: Dispute) -> str:
        ended = dispute.redemption.ended
        return "—" if ended is None else described_name(ended.actor_name)

    @admin.display(description=_("proof"))
    def proof(self, dispute: Dispute) -> str:
        ended = dispute.redemption.ended
        if ended is None:
            return "—"
        if not ended.approver_name:
            return gettext("his own phone: a pass, or a place in the queue")
        if dispute.redemption.is_late:
            return gettext("paper form {form}, line {line}, signed by {name} as well").format(
                form=dispute.redemption.form_no, line=dispute.redemption.form_line, name=ended.approver_name
            )
        return gettext("no pass: {name} signed, because: {reason}").format(
            name=ended.approver_name, reason=ended.reason
        )

    @admin.display(description=_("disputed before"))
    def others(self, dispute: Dispute) -> str:
        """How often hand-overs by the same person were disputed, and how often the courier was right."""
        ended = dispute.redemption.ended
        if ended is None:
            return "—"
        same = Dispute.objects.filter(redemption__ended__actor_name=ended.actor_name).exclude(pk=dispute.pk)
        upheld = same.filter(ruling=Dispute.Ruling.UPHELD).count()
        return gettext("of the same hand: {number}, of them upheld: {upheld}").format(
            number=same.count(), upheld=upheld
        )

    @admin.display(description=_("decision"))
    def decision(self, dispute: Dispute) -> SafeString | str:
        if dispute.ruling != Dispute.Ruling.OPEN:
            return "—"
        address = reverse("admin:points_dispute_decide", args=[dispute.pk])
        return format_html('<a class="button" href="{}">{}</a>', address, gettext("Decide"))

    # ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        decide = path("<int:dispute_id>/decide/", view(self.decide_page), name="points_dispute_decide")
        return [decide, *super().get_urls()]

    def decide_page(self, request: HttpRequest, dispute_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        dispute: Dispute | None = self.get_queryset(request).filter(pk=dispute_id).first()
        if dispute is None:
            raise Http404
        district = dispute.redemption.station.district_code
        if not access.scope_of(request.user, *disputes.DECIDERS).covers_division(district):
            raise PermissionDenied

        def do(said: dict[str, Any]) -> str:
            done = disputes.decide(dispute=dispute, **said, actor=signed_in(request), at=clock.now())
            return gettext("Decided: {ruling}.").format(ruling=done.get_ruling_display())

        lines = (
            (_("courier"), self.courier_masked(dispute)),
            (_("gift"), f"{self.gift_name(dispute)} · {self.station_name(dispute)}"),
            (_("handed over by"), f"{self.handed_over_by(dispute)} · {self.said_handed_over_at(dispute)}"),
            (_("proof"), self.proof(dispute)),
            (_("what the courier says"), dispute.words or "—"),
            (_("disputed before"), self.others(dispute)),
        )
        context = {
            "title": gettext("Dispute of {code}").format(code=dispute.redemption.receipt_no),
            "hint": gettext(
                "Upheld, his points go back at once, and the piece returns into the books. It is not in the cabinet: the next count finds it missing and says so."
            ),
            "shown": facts(*lines),
            "button": gettext("Decide"),
            "back": reverse("admin:points_dispute_change", args=[dispute.pk]),
            "back_name": dispute.redemption.receipt_no,
        }
        return form_page(
            request, DecisionForm(request.POST or None, initial=OnceForm.fresh()), do, opts=self.opts, context=context
        )
