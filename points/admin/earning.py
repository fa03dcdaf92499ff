"""What points are given for: the city's rules and limits, the list of awards, and the page for awards by hand."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from core import clock
from core.admin import ListLink, SparsePaginator, described_name
from core.errors import DomainError, sentences
from core.typed import DayField
from couriers import codes, finding, privacy
from couriers.admin.scoped import lead_on
from couriers.errors import CourierBlocked, CourierErased
from couriers.models import Courier
from points import earning, ledger, rules
from points.admin.scoped import (
    READERS,
    DistrictForm,
    OnceForm,
    ReadHereAdmin,
    districts_seen,
    form_page,
    holds_a_district,
)
from points.errors import CapReached, FundEmpty, NoRule, SecondPersonMissing
from points.models import Award, AwardLimit, EarningRule
from stations import access
from stations.admin.scoped import signed_in
from stations.models import Division, Duty

__all__ = ["AwardAdmin", "AwardLimitAdmin", "EarningRuleAdmin"]

_GIVE = (Duty.REVIEW, Duty.MANAGE)
_READ = (*READERS, Duty.REVIEW)


# ── Rules and limits ────────────────────────────────────────────────────────────────────────────────────────────────


def state_badge(begins: date, ends: date | None) -> SafeString:
    """Whether something valid from one day through another is valid now."""
    today = clock.local_date(clock.now())
    if begins > today:
        return format_html('<span class="badge tier-2">{}</span>', gettext("ahead"))
    if ends is not None and ends < today:
        return format_html('<span class="badge">{}</span>', gettext("past"))
    return format_html('<span class="badge now-open">{}</span>', gettext("holds now"))


class DayInput(forms.DateInput):
    """The browser's own calendar: it works on a phone, and without script."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RuleForm(forms.Form):
    action = forms.ChoiceField(label=_("for"), choices=EarningRule.Action)
    points = forms.IntegerField(label=_("points"), min_value=1, max_value=100_000)
    most_a_day = forms.IntegerField(label=_("at most so often a day"), min_value=1, max_value=1_000)
    valid_from = DayField(label=_("valid from"), widget=DayInput)
    valid_through = DayField(
        label=_("valid through"), widget=DayInput, required=False, help_text=_("empty: until further notice")
    )


class EndForm(forms.Form):
    last_day = DayField(label=_("last day"), widget=DayInput)


class LimitForm(forms.Form):
    most_alone = forms.IntegerField(
        label=_("at once without a second person"), min_value=1, max_value=ledger.MOST, help_text=_("points")
    )
    most_a_day = forms.IntegerField(
        label=_("a day for each member of staff"), min_value=1, max_value=ledger.MOST, help_text=_("points")
    )
    valid_from = DayField(label=_("valid from"), widget=DayInput)


class VersionsAdmin(ReadHereAdmin):
    """Rows that are valid from a day on. The city adds new ones; none that has begun is changed or deleted."""

    menu_group = _("Points and gifts")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def _page(
        self, request: HttpRequest, form: forms.Form, do: Any, *, title: str, hint: str, button: str
    ) -> HttpResponse:
        context = {
            "title": title,
            "hint": hint,
            "button": button,
            "back": reverse(f"admin:points_{self.opts.model_name}_changelist"),
            "back_name": self.opts.verbose_name_plural,
        }
        return form_page(request, form, do, opts=self.opts, context=context)


@admin.register(EarningRule)
class EarningRuleAdmin(VersionsAdmin):
    audit_type = "earning-rule"
    menu_position = 540
    list_hint = _("What a courier gets points for. The city makes the rules; a new one follows the one before.")
    list_display = ("action_in_words", "points", "most_a_day", "valid_from", "said_end", "state")
    list_filter = ("action",)
    ordering = ("action", "-valid_from")
    fields = ("action_in_words", "points", "most_a_day", "valid_from", "said_end", "state", "ending")
    readonly_fields = fields

    def audit_code(self, obj: Any) -> str:
        return str(obj.action)

    @admin.display(description=_("for"), ordering="action")
    def action_in_words(self, rule: EarningRule) -> str:
        return str(rule.get_action_display())

    @admin.display(description=_("valid through"), ordering="valid_through")
    def said_end(self, rule: EarningRule) -> str:
        return date_format(rule.valid_through) if rule.valid_through else gettext("until further notice")

    @admin.display(description=_("now"))
    def state(self, rule: EarningRule) -> SafeString:
        return state_badge(rule.valid_from, rule.valid_through)

    @admin.display(description=_("what can be done"))
    def ending(self, rule: EarningRule) -> SafeString | str:
        today = clock.local_date(clock.now())
        if rule.valid_through is not None and rule.valid_through <= today:
            return "—"
        address = reverse("admin:points_earningrule_end", args=[rule.pk])
        return format_html('<a class="button" href="{}">{}</a>', address, gettext("Let it end"))

    def get_urls(self) -> list[URLPattern]:
        end = self.admin_site.admin_view(self.end_page)
        return [path("<int:rule_id>/end/", end, name="points_earningrule_end"), *super().get_urls()]

    def add_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def do(said: dict[str, Any]) -> str:
            rule = rules.set_rule(**said, actor=signed_in(request), at=clock.now())
            return gettext("{action} earns {points} points from {day} on.").format(
                action=rule.get_action_display(), points=rule.points, day=rule.valid_from
            )

        return self._page(
            request, RuleForm(request.POST or None), do,
            title=gettext("New rule"),
            hint=gettext(
                "The rule that runs ends the day before; one that was to begin on the same day gives way. What was given stays as it was."
            ),
            button=gettext("Let it hold"),
        )  # fmt: skip

    def end_page(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        rule = EarningRule.objects.filter(pk=rule_id).first()
        if rule is None:
            raise Http404

        def do(said: dict[str, Any]) -> str:
            ended = rules.end_rule(rule=rule, **said, actor=signed_in(request), at=clock.now())
            return gettext("{action} earns {points} points through {day}.").format(
                action=ended.get_action_display(), points=ended.points, day=ended.valid_through
            )

        return self._page(
            request, EndForm(request.POST or None), do,
            title=gettext("Let it end: {rule}").format(rule=rule),
            hint=gettext("Afterwards this earns nothing, until a new rule is made."),
            button=gettext("Let it end"),
        )  # fmt: skip


@admin.register(AwardLimit)
class AwardLimitAdmin(VersionsAdmin):
    audit_type = "award-limit"
    menu_position = 545
    list_hint = _("How far staff give points by hand. The newest that has begun holds; the city makes them.")
    list_display = ("valid_from", "most_alone", "most_a_day", "state")
    ordering = ("-valid_from",)
    fields = ("valid_from", "most_alone", "most_a_day", "state")
    readonly_fields = fields

    def audit_code(self, obj: Any) -> str:  # noqa: ARG002 - one subject, of which there are versions
        return "by-hand"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AwardLimit]:
        rows: QuerySet[AwardLimit] = super().get_queryset(request)
        newer = AwardLimit.objects.filter(
            valid_from__gt=OuterRef("valid_from"), valid_from__lte=clock.local_date(clock.now())
        )
        return rows.annotate(is_past=Exists(newer))

    @admin.display(description=_("now"))
    def state(self, limit: Any) -> SafeString:
        return state_badge(limit.valid_from, limit.valid_from if limit.is_past else None)

    def add_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def do(said: dict[str, Any]) -> str:
            limit = rules.set_limit(**said, actor=signed_in(request), at=clock.now())
            return gettext("From {day} on one gives at most {alone} points alone, and {a_day} a day.").format(
                day=limit.valid_from, alone=limit.most_alone, a_day=limit.most_a_day
            )

        return self._page(
            request, LimitForm(request.POST or None), do,
            title=gettext("New limit"),
            hint=gettext(
                "Above the first number a second person signs; the second one is for all that one gives in a day. A limit that was to begin on the same day gives way."
            ),
            button=gettext("Let it hold"),
        )  # fmt: skip


# ── Awards ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class AwardForm(DistrictForm):
    courier = forms.CharField(
        label=_("member code or phone"), max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        help_text=_("the code as on the card, of whatever district he is; by phone only couriers of your districts are found"),
    )  # fmt: skip
    points = forms.IntegerField(label=_("points"), min_value=1, max_value=ledger.MOST)
    district = forms.ModelChoiceField(
        label=_("paid by"), queryset=Division.objects.none(), help_text=_("from this district's fund")
    )
    reason = forms.CharField(
        label=_("reason"), max_length=200, help_text=_("stays in the books: no names or phone numbers")
    )
    signs = _GIVE
    folded = ("second_name", "second_password")
    folded_label = _("Above the limit: a second person signs")
    field_order = ("courier", "points", "district", "reason", "second_name", "second_password")
    said_at: ClassVar[Mapping[type[DomainError], str]] = {
        CourierBlocked: "courier", CourierErased: "courier", CapReached: "points", NoRule: "points", FundEmpty: "district",
        SecondPersonMissing: "second_name",
    }  # fmt: skip

    def clean_courier(self) -> Courier:
        try:
            return finding.by_code_or_phone(self.cleaned_data["courier"], actor=signed_in(self.request), at=clock.now())
        except DomainError as refusal:
            raise ValidationError(str(refusal)) from refusal


class ByHandFilter(admin.SimpleListFilter):
    title = _("for")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("by-hand", _("by hand")), *EarningRule.Action.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Award]) -> QuerySet[Award]:  # noqa: ARG002
        match self.value():
            case "by-hand":
                return queryset.filter(rule__isnull=True)
            case known if known in EarningRule.Action.values:
                return queryset.filter(action=known)
        return queryset


@admin.register(Award)
class AwardAdmin(ReadHereAdmin):
    """Awards to read, for the districts that paid; those by rule are given elsewhere, those by hand here."""

    menu_group = _("Points and gifts")
    menu_position = 535
    paginator = SparsePaginator
    list_hint = _(
        "Points that couriers got, and from which district. What was given wrongly is taken back at its posting."
    )
    list_display = ("day", "member_code", "points", "said_for", "paid_by", "given_by", "state")
    list_filter = (ByHandFilter, "day")
    list_select_related = ("posting__reversal", "courier", "district", "rule")
    search_fields = ("courier__code__exact",)
    search_help_text = _("a member code, whole")
    ordering = ("-posting_id",)
    fields = (
        "day", "who", "points", "said_for", "matter_if_any", "paid_by", "given_by", "signed_by", "state", "posting_link"
    )  # fmt: skip
    readonly_fields = fields

    # ── Scope ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_queryset(self, request: HttpRequest) -> QuerySet[Award]:
        rows: QuerySet[Award] = super().get_queryset(request)
        if access.scope_of(request.user, *_READ).is_city:
            return rows
        return rows.filter(district__in=list(districts_seen(request, *_READ).values_list("pk", flat=True)))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and holds_a_district(request, *_READ)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and holds_a_district(request, *_READ)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request) and holds_a_district(request, *_GIVE)

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        if not holds_a_district(request, *READERS):
            return []
        return [ListLink(_("Who stands out"), reverse("admin:points_stand_out"))]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        """The awards of one courier, by his card's code however it is typed, or an old card's."""
        if not search_term.strip():
            return queryset, False
        code = codes.read_code(search_term) or ""
        his = Courier.objects.filter(Q(code=code) | Q(retired_codes__code=code))
        return queryset.filter(courier__in=his.values("pk")), False

    # ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("courier"))
    def member_code(self, award: Award) -> str:
        return str(award.courier.code)

    @admin.display(description=_("courier"))
    def who(self, award: Award) -> SafeString | str:
        person = privacy.masked(award.courier)
        said = f"{award.courier.code} {person.name} {person.phone}".rstrip()
        if award.courier.division_id != award.district_id:
            return said
        address = reverse("admin:points_courier_history", args=[award.courier_id])
        return format_html('<a href="{}">{}</a>', address, said)

    @admin.display(description=_("for"))
    def said_for(self, award: Award) -> str:
        return str(award.get_action_display()) if award.rule_id else str(award.posting.reason)

    @admin.display(description=_("matter"))
    def matter_if_any(self, award: Award) -> str:
        return str(award.matter) if award.rule_id else gettext("given by hand")

    @admin.display(description=_("paid by"))
    def paid_by(self, award: Award) -> str:
        return award.district.label

    @admin.display(description=_("given by"))
    def given_by(self, award: Award) -> str:
        return described_name(award.posting.actor_name)

    @admin.display(description=_("second person"))
    def signed_by(self, award: Award) -> str:
        return award.posting.approver_name or "—"

    @admin.display(description=_("state"))
    def state(self, award: Award) -> SafeString:
        if hasattr(award.posting, "reversal"):
            return format_html('<span class="badge now-doubted">{}</span>', pgettext("posting", "taken back"))
        return format_html('<span class="badge now-open">{}</span>', gettext("points given"))

    @admin.display(description=_("posting"))
    def posting_link(self, award: Award) -> SafeString:
        address = reverse("admin:points_posting_change", args=[award.posting_id])
        said = gettext("posting {number}: entries, and taking back").format(number=award.posting_id)
        return format_html('<a href="{}">{}</a>', address, said)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whoever may not read the ledger gets no link into it."""
        shown = super().get_fields(request, obj)
        may_read = holds_a_district(request, *READERS)
        return shown if may_read else [name for name in shown if name != "posting_link"]

    # ── By hand ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @method_decorator(sensitive_post_parameters("second_password"))
    def add_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        actor, at = signed_in(request), clock.now()
        limit = earning.limit_on(clock.local_date(at))
        form = AwardForm(
            request.POST or None,
            request=request,
            districts=districts_seen(request, *_GIVE),
            initial=OnceForm.fresh() | {"courier": request.GET.get("courier", "")[:30]},
        )
        if limit is not None:
            form.fields["points"].help_text = gettext(
                "On your own at most {alone} at once; more with a second person. Today you can still give {left}."
            ).format(alone=limit.most_alone, left=earning.left_today(actor=actor, at=at))

        def do(said: dict[str, Any]) -> str:
            said = {name: value for name, value in said.items() if not name.startswith("second_")}
            try:
                award = earning.award_by_hand(**said, actor=actor, at=clock.now())
            except FundEmpty as refusal:
                raise FundEmpty(sentences(refusal.detail, refusal.way_out), **refusal.data) from refusal
            person = privacy.masked(award.courier)
            return gettext("{points} points to {courier} {name}. He has {balance} now.").format(
                points=award.points,
                courier=award.courier.code,
                name=person.name,
                balance=award.posting.entries.get(account__courier=award.courier).balance_after,
            )

        context = {
            "title": gettext("Give points by hand"),
            "hint": gettext(
                "For deeds that no rule covers. Nobody can give points to himself or sign for his own award; the reason stays in the books."
            ),
            "button": gettext("Give"),
            "back": reverse("admin:points_award_changelist"),
            "back_name": self.opts.verbose_name_plural,
        }
        return form_page(request, form, do, opts=self.opts, context=context)


lead_on(
    _("Give points by hand"),
    _GIVE,
    lambda courier: "" if courier.is_erased else f"{reverse('admin:points_award_add')}?courier={courier.code}",
)
