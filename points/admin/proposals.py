"""Gifts that stations propose: entered by staff at a counter, decided on by those who manage the district."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import name_in_trail
from points import proposals
from points.admin.scoped import form_page
from points.models import Gift, GiftProposal
from stations import access
from stations.access import Need
from stations.admin.scoped import ScopedAdmin, signed_in
from stations.models import Duty

__all__ = ["GiftProposalAdmin"]

access.permit(
    {
        "points.view_giftproposal": Need(),
        "points.add_giftproposal": Need(proposals.PROPOSERS),
    }
)
name_in_trail(
    {
        "giftproposal": _("gift proposed"),
        "gift.proposed": _("gift proposed"),
        "gift.proposal-accepted": _("proposal accepted"),
        "gift.proposal-declined": _("proposal declined"),
    }
)


class AcceptForm(forms.Form):
    code = forms.SlugField(label=_("code"), max_length=32, help_text=_("such as wc-umbrella; it stays"))
    points = forms.IntegerField(
        label=_("points"), min_value=1, max_value=1_000_000, help_text=_("what it costs from today on")
    )
    name_en = forms.CharField(label=_("name in English"), max_length=60, required=False)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if Gift.objects.filter(code=code).exists():
            raise forms.ValidationError(_("Another gift has this code. Choose another one."))
        return code


class DeclineForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=200, help_text=_("the station reads it"))


@admin.register(GiftProposal)
class GiftProposalAdmin(ScopedAdmin):
    station_path = "station__"
    audit_type = "giftproposal"
    audits_itself = True
    menu_group = _("Points and gifts")
    menu_position = 505
    list_hint = _(
        "What stations would like to hand out. The district accepts or declines, and nobody decides on his own."
    )
    list_display = ("name", "station", "points", "state_badge", "proposed_by", "said_proposed_at")
    list_select_related = ("station",)
    list_filter = ("status",)
    ordering = ("-proposed_at", "-id")
    actions = None
    asked = ("station", "name", "why", "points")
    told = ("state_badge", "proposed_by", "said_proposed_at")
    decided = ("decided_by", "said_decided_at", "reason", "gift_link")
    readonly_fields = (*asked, *told, *decided, "decision")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.asked
        if not obj.is_open:
            return (*self.asked, *self.told, *self.decided)
        may = self._may_decide(request, obj) and obj.proposed_by != signed_in(request).get_username()
        return (*self.asked, *self.told, *(["decision"] if may else []))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return () if obj is None else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "station":
            stations = self.scope(request, *proposals.PROPOSERS).stations()
            kwargs["queryset"] = stations.exclude(status="closed").order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "why":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "station":
            # A station is chosen here, and neither added nor changed.
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_view_related = False
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002
        said = {name: form.cleaned_data[name] for name in ("station", "name", "why", "points")}
        proposal = proposals.propose(**said, actor=signed_in(request), at=clock.now())
        # The admin continues with its own object, which must equal the one that was saved.
        obj.__dict__.update(proposal.__dict__)

    # ── The list and the page ───────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("status"), ordering="status")
    def state_badge(self, proposal: GiftProposal) -> SafeString:
        kind = {"open": "sent", "accepted": "accepted", "declined": "refused"}[proposal.status]
        return format_html('<span class="badge report-{}">{}</span>', kind, proposal.get_status_display())

    @admin.display(description=_("proposed at"), ordering="proposed_at")
    def said_proposed_at(self, proposal: GiftProposal) -> str:
        return f"{clock.to_local(proposal.proposed_at):%Y-%m-%d %H:%M}"

    @admin.display(description=_("decided at"))
    def said_decided_at(self, proposal: GiftProposal) -> str:
        return "—" if proposal.decided_at is None else f"{clock.to_local(proposal.decided_at):%Y-%m-%d %H:%M}"

    @admin.display(description=_("gift"))
    def gift_link(self, proposal: GiftProposal) -> SafeString | str:
        if proposal.gift is None:
            return "—"
        address = reverse("admin:points_gift_change", args=[proposal.gift.pk])
        return format_html('<a href="{}">{}</a>', address, proposal.gift.label)

    @admin.display(description=_("decision"))
    def decision(self, proposal: GiftProposal) -> SafeString:
        return format_html(
            '<div class="desk-buttons"><a class="button" href="{}">{}</a> <a class="button" href="{}">{}</a></div>',
            reverse("admin:points_giftproposal_accept", args=[proposal.pk]),
            gettext("Accept"),
            reverse("admin:points_giftproposal_decline", args=[proposal.pk]),
            gettext("Decline"),
        )

    # ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:proposal_id>/accept/", view(self.accept_page), name="points_giftproposal_accept"),
            path("<int:proposal_id>/decline/", view(self.decline_page), name="points_giftproposal_decline"),
            *super().get_urls(),
        ]

    def accept_page(self, request: HttpRequest, proposal_id: int) -> HttpResponse:
        proposal = self._proposal(request, proposal_id)

        def do(said: dict[str, Any]) -> str:
            done = proposals.accept(proposal=proposal, **said, actor=signed_in(request), at=clock.now())
            return gettext("{gift} is on the district's list now.").format(gift=done.name)

        initial = {"points": proposal.points} if proposal.points else {}
        hint = gettext("It is put on the district's list and can be ordered as soon as a station has some.")
        return self._page(
            request, proposal, AcceptForm(request.POST or None, initial=initial), do, gettext("Accept"), hint
        )

    def decline_page(self, request: HttpRequest, proposal_id: int) -> HttpResponse:
        proposal = self._proposal(request, proposal_id)

        def do(said: dict[str, Any]) -> str:
            done = proposals.decline(proposal=proposal, **said, actor=signed_in(request), at=clock.now())
            return gettext("Declined: {gift}.").format(gift=done.name)

        return self._page(request, proposal, DeclineForm(request.POST or None), do, gettext("Decline"), "")

    def _proposal(self, request: HttpRequest, proposal_id: int) -> GiftProposal:
        proposal: GiftProposal | None = self.get_queryset(request).filter(pk=proposal_id).first()
        if proposal is None:
            raise Http404
        if not self._may_decide(request, proposal):
            raise PermissionDenied
        return proposal

    def _may_decide(self, request: HttpRequest, proposal: GiftProposal) -> bool:
        return self.scope(request, Duty.MANAGE).covers_division(proposal.station.district_code)

    def _page(
        self, request: HttpRequest, proposal: GiftProposal, form: forms.Form, do: Any, label: str, hint: str
    ) -> HttpResponse:
        context = {
            "title": gettext("{what}: {gift}").format(what=label, gift=proposal.name),
            "hint": hint,
            "shown": format_html("<p>{}：{}</p>", proposal.station.name, proposal.why),
            "button": label,
            "back": reverse("admin:points_giftproposal_change", args=[proposal.pk]),
            "back_name": proposal.name,
        }
        return form_page(request, form, do, opts=self.opts, context=context)
