"""Couriers at the desk: masked, found by code or exact phone, and changed only by verbs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, TextChoices
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.addresses import absolute
from core.admin import ListLink, Told, attachment, described_name, name_in_trail, words_in_trail
from core.errors import DomainError, InvalidValue, NotFound
from couriers import codes, consents, devices, duties, finding, membership, privacy, registration
from couriers.admin import list_pages
from couriers.admin.scoped import BrandFilter, InDivisionAdmin, links_of
from couriers.forms import PhoneForm, ReasonForm, tell
from couriers.models import Company, Consent, Courier, Outlet
from couriers.phones import spaced_phone
from couriers.registration import Agreement, Work
from stations import access
from stations.access import DutyMissing
from stations.admin.filters import DistrictFilter
from stations.admin.scoped import signed_in
from stations.admin.trail import offer_subjects
from stations.models import Division, Duty
from stations.views.poster import qr_svg

__all__ = ["CourierAdmin", "Page", "offer_page"]


def _local(at: Any) -> str:
    return f"{clock.to_local(at):%Y-%m-%d %H:%M}" if at else "—"


class ReasonBar(ActionForm):
    """The bar above the list, with a field for the reason."""

    reason = forms.CharField(
        label=_("reason"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("needed to block or unblock")}),
    )


# ── Pages for one thing ─────────────────────────────────────────────────────────────────────────────────────────────


class NothingForm(forms.Form):
    """Only a button."""


class LookUpForm(forms.Form):
    phone = forms.CharField(
        label=_("phone, whole"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
        help_text=_("Each look-up is counted and stays in the trail."),
    )


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("full name"),
        max_length=registration.NAME_LENGTH,
        required=False,
        help_text=_("can be left out"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class WorkForm(forms.ModelForm[Courier]):
    class Meta:
        model = Courier
        fields = ("kind", "company", "outlet")


class RegisterForm(forms.Form):
    """What a courier says at the counter. The choices are limited to the scope of whoever registers him."""

    phone = forms.CharField(
        label=_("mobile phone"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    name = NameForm.base_fields["name"]
    kind = forms.ChoiceField(label=_("kind"), choices=Courier.Kind)
    district = forms.ModelChoiceField(Division.objects.none(), label=_("district"))
    company = forms.ModelChoiceField(Company.objects.all(), label=_("brand"), required=False)
    outlet = forms.ModelChoiceField(Outlet.objects.none(), label=_("outlet"), required=False)
    agreed = forms.BooleanField(label=_("He has read the notice and agreed"))
    takes_over_because = PhoneForm.base_fields["takes_over_because"]

    def __init__(self, *args: Any, districts: QuerySet[Division], outlets: QuerySet[Outlet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, queryset in (("district", districts), ("outlet", outlets)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - narrows the type
            field.queryset = queryset
        if len(districts) == 1:
            self.initial.setdefault("district", districts[0])


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that staff can do on a courier's page: what it is called, what it asks for, and what it does."""

    label: str | Promise
    hint: str | Promise
    form: type[forms.Form]
    verb: Callable[..., Courier]
    is_for: Callable[[Courier], bool]
    duties: tuple[str, ...] = duties.AT_DESK
    # What there is to read about this courier before it is done.
    says: Callable[[Courier], list[str]] | None = None


STEPS: dict[str, Step] = {
    "verify": Step(
        _("I have met him"),
        _("He stands before you and is who he says."),
        NothingForm,
        registration.verify,
        lambda courier: courier.status == Courier.Status.UNVERIFIED,
        duties.AT_COUNTER,
    ),
    "change-phone": Step(
        _("Change the phone"),
        _("He has another number. It is written once and then shown masked."),
        PhoneForm,
        registration.change_phone,
        lambda courier: not courier.is_erased,
        duties.AT_COUNTER,
    ),
    "correct-name": Step(
        _("Correct the name"),
        _("He has told you how he is called. It is written once and then shown masked."),
        NameForm,
        registration.correct_name,
        lambda courier: not courier.is_erased,
    ),
    "replace-card": Step(
        _("Replace the card"),
        _("The old card opens nothing from then on. Print the new one afterwards."),
        ReasonForm,
        membership.replace_card,
        lambda courier: not courier.is_erased,
        duties.AT_COUNTER,
    ),
    "block": Step(
        _("Block"),
        _("He earns and takes nothing until he is unblocked."),
        ReasonForm,
        registration.block,
        lambda courier: courier.status in (Courier.Status.UNVERIFIED, Courier.Status.ACTIVE),
    ),
    "unblock": Step(
        _("Unblock"),
        _("He is again what he was."),
        ReasonForm,
        registration.unblock,
        lambda courier: courier.status == Courier.Status.BLOCKED,
    ),
    "erase": Step(
        _("Erase"),
        _(
            "At his own wish: name, phone and PIN go for good, and nobody can bring them back. The points he has left are "
            "lost, and what he ordered and did not fetch is cancelled: let him take his gifts first."
        ),
        ReasonForm,
        privacy.erase,
        lambda courier: not courier.is_erased,
        says=privacy.lost_with,
    ),
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page about one courier that an app above this one provides. `view` is called with (admin, request, courier)."""

    label: str | Promise
    view: Callable[["CourierAdmin", HttpRequest, Courier], HttpResponse]
    is_for: Callable[[Courier], bool]
    duties: tuple[str, ...] = duties.AT_DESK


PAGES: dict[str, Page] = {}


def offer_page(name: str, page: Page) -> None:
    """Let a courier's page link to `page`; `name` is the last part of its URL."""
    PAGES[name] = page


@admin.register(Courier)
class CourierAdmin(InDivisionAdmin):
    """Seen by those whose scope includes a whole district. Name and phone are masked, and only verbs change them."""

    audit_type = "courier"
    audits_itself = True
    menu_position = 200
    change_duties = duties.AT_DESK
    list_hint = _("Names and phones are masked. Who needs one in full says why, and it stays in the trail.")
    form = WorkForm
    action_form = ReasonBar
    list_display = ("code", "masked_name", "masked_phone", "kind", "company", "district", "state", "said_registered_at")
    list_filter = ("status", "kind", BrandFilter, DistrictFilter)
    list_select_related = ("company", "division", "merged_into")
    search_fields = ("code__exact",)
    search_help_text = _("a member code, whole; a phone is looked up by the button above")
    ordering = ("-registered_at", "-id")
    actions = ["verify", "block", "unblock"]
    autocomplete_fields = ("outlet",)
    fieldsets = [
        (None, {"fields": ["code", "state", "masked_name", "masked_phone", "district", "steps"]}),
        (_("Work"), {"fields": ["kind", "company", "outlet"]}),
        (
            _("Registered"),
            {
                "fields": [
                    "said_registered_at",
                    "said_registered_by",
                    "channel",
                    "said_verified",
                    "said_consents",
                    "cards",
                ]
            },
        ),
    ]
    readonly_fields = (
        "code", "state", "masked_name", "masked_phone", "district", "steps", "counter_steps", "ways", "said_registered_at",
        "said_registered_by", "channel", "said_verified", "said_consents", "cards",
    )  # fmt: skip

    # ── Who sees whom ───────────────────────────────────────────────────────────────────────────────────────────────

    def audit_code(self, obj: Any) -> str:
        return str(obj.code)

    def audit_codes(self, obj: Any) -> list[str]:
        return [obj.code, *obj.retired_codes.values_list("code", flat=True)]

    def _has_a_district(self, request: HttpRequest, *needed: str) -> bool:
        """Whether there can be anybody to see: couriers belong to districts, not to streets or stations.   No query."""
        return self.scope(request, *needed).holds_a_district

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and self._has_a_district(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._has_a_district(request) and super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = self._has_a_district(request) and super().has_change_permission(request, obj)
        return may and (obj is None or not obj.is_erased)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self._has_a_district(request, *duties.AT_COUNTER)

    def _districts(self, request: HttpRequest) -> QuerySet[Division]:
        return self.scope(request, *duties.AT_COUNTER).divisions().districts()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        """Also finds a card's code however it is typed, and an old card's."""
        if not search_term.strip():
            return queryset, False
        code = codes.read_code(search_term)
        if code is None:
            return queryset.none(), False
        return queryset.filter(Q(code=code) | Q(retired_codes__code=code)).distinct(), False

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        links = []
        if access.scope_of(request.user, *duties.AT_COUNTER):
            links.append(ListLink(_("Look up a phone"), reverse("admin:couriers_courier_find")))
        if list_pages.may_bring(self, request):
            links.append(ListLink(_("Import a list of couriers"), reverse("admin:couriers_courier_import")))
        return links

    # ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("full name"))
    def masked_name(self, courier: Courier) -> str:
        return privacy.masked(courier).name

    @admin.display(description=_("mobile phone"))
    def masked_phone(self, courier: Courier) -> str:
        return privacy.masked(courier).phone

    @admin.display(description=_("district"), ordering="division")
    def district(self, courier: Courier) -> str:
        return courier.division.label

    @admin.display(description=_("status"), ordering="status")
    def state(self, courier: Courier) -> SafeString:
        if courier.merged_into is not None:
            address = self._page_of(courier.merged_into)
            return format_html('{} <a href="{}">{}</a>', gettext("merged into"), address, courier.merged_into.code)
        badge = format_html('<span class="badge courier-{}">{}</span>', courier.status, courier.get_status_display())
        return format_html("{} {}", badge, courier.blocked_reason) if courier.blocked_reason else badge

    @admin.display(description=_("registered at"), ordering="registered_at")
    def said_registered_at(self, courier: Courier) -> str:
        return _local(courier.registered_at)

    @admin.display(description=_("registered by"))
    def said_registered_by(self, courier: Courier) -> str:
        return described_name(courier.registered_by)

    @admin.display(description=_("met"))
    def said_verified(self, courier: Courier) -> str:
        met_by = described_name(courier.verified_by)
        return f"{_local(courier.verified_at)} {met_by}" if courier.verified_at else "—"

    @admin.display(description=_("consents"))
    def said_consents(self, courier: Courier) -> SafeString | str:
        return (
            format_html_join(
                "",
                "<div>{} {}: {} ({})</div>",
                (
                    (_local(each.occurred_at), each.get_purpose_display(), each.get_act_display(), each.notice_version)
                    for each in courier.consents.all()
                ),
            )
            or "—"
        )

    @admin.display(description=_("replaced cards"))
    def cards(self, courier: Courier) -> SafeString | str:
        return (
            format_html_join(
                "",
                "<div>{} <code>{}</code></div>",
                ((_local(each.retired_at), each.code) for each in courier.retired_codes.all()),
            )
            or "—"
        )

    @admin.display(description=_("what can be done"))
    def steps(self, courier: Courier) -> SafeString | str:
        """The buttons of those who answer for his district."""
        return self._steps(courier, *duties.AT_DESK)

    @admin.display(description=_("what can be done"))
    def counter_steps(self, courier: Courier) -> SafeString | str:
        """The buttons of those who only stand at a counter."""
        return self._steps(courier, Duty.COUNTER)

    def _steps(self, courier: Courier, *held: str) -> SafeString | str:
        """The buttons of those who have one of these duties."""
        if courier.is_erased:
            return _buttons(links_of(courier, held)) or "—"
        links = [
            (reverse("admin:couriers_courier_step", args=[courier.pk, name]), step.label)
            for name, step in STEPS.items()
            if step.is_for(courier) and not set(held).isdisjoint(step.duties)
        ]
        links[1:1] = [(reverse("admin:couriers_courier_card", args=[courier.pk]), _("Print the card"))]
        if courier.status != Courier.Status.BLOCKED:
            links.append((reverse("admin:couriers_courier_new_pin", args=[courier.pk]), _("New PIN")))
        if not set(held).isdisjoint(duties.AT_DESK):
            links += [
                (reverse("admin:couriers_courier_reveal", args=[courier.pk]), _("Show name and phone")),
                (reverse("admin:couriers_courier_copy", args=[courier.pk]), _("A copy of everything, for himself")),
            ]
        links += [
            (reverse(f"admin:couriers_courier_{name}", args=[courier.pk]), page.label)
            for name, page in PAGES.items()
            if page.is_for(courier) and not set(held).isdisjoint(page.duties)
        ]
        return _buttons([*links_of(courier, held), *links])

    @admin.display(description=_("what can be done"))
    def ways(self, courier: Courier) -> SafeString | str:
        """The buttons of those who only look."""
        return _buttons(links_of(courier, [Duty.VIEW])) or "—"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the buttons that the reader may use."""
        shown = "ways"
        for asked, buttons in ((duties.AT_COUNTER, "counter_steps"), (duties.AT_DESK, "steps")):
            if obj is None or self.scope(request, *asked).covers_division(str(obj.division_id)):
                shown = buttons
        fieldsets = super().get_fieldsets(request, obj)
        return [
            (name, {**facts, "fields": [shown if field == "steps" else field for field in facts["fields"]]})
            for name, facts in fieldsets
        ]

    # ── Registering, and what he does ───────────────────────────────────────────────────────────────────────────────

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "outlet":
            kwargs["queryset"] = Outlet.objects.within(self.scope(request, *self.change_duties))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The outlet must be in the courier's district, and belong to his brand; the form says so before the verb does."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)

        class Checked(form):  # type: ignore[misc]
            def clean(self) -> dict[str, Any]:
                cleaned: dict[str, Any] = super().clean() or self.cleaned_data
                if self.errors:
                    return cleaned
                try:
                    registration.check_work(_work(cleaned), district=str(self.instance.division_id))
                except InvalidValue as refusal:
                    self.add_error(refusal.parameter, str(refusal.detail))
                return cleaned

        return Checked

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002
        courier = registration.change_work(
            courier=obj, work=_work(form.cleaned_data), actor=signed_in(request), at=clock.now()
        )
        obj.__dict__.update(courier.__dict__)

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """No courier is made by copying another ("save as new")."""
        if "_saveasnew" in request.POST:
            raise PermissionDenied
        return super().change_view(request, *args, **kwargs)

    def add_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Register somebody at the counter: staff have met him, so he is active at once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        districts = self._districts(request)
        form = RegisterForm(
            request.POST if request.method == "POST" else None,
            districts=districts,
            outlets=Outlet.objects.within(self.scope(request, *duties.AT_COUNTER)).select_related("company"),
        )
        if request.method == "POST" and form.is_valid():
            cleaned = form.cleaned_data
            try:
                courier = registration.register(
                    phone=cleaned["phone"],
                    name=cleaned["name"],
                    work=_work(cleaned),
                    district=cleaned["district"],
                    channel=Courier.Channel.STAFF,
                    agreement=Agreement(consents.membership_notice(), Consent.Channel.PAPER),
                    actor=signed_in(request),
                    at=clock.now(),
                    takes_over_because=cleaned["takes_over_because"],
                )
            except DomainError as refusal:
                tell(form, refusal, asked_by=signed_in(request))
            else:
                self.message_user(
                    request,
                    gettext("Registered. If he wants a card, print it; by “New PIN” he can sign in on his own phone."),
                    messages.SUCCESS,
                )
                return HttpResponseRedirect(self._page_of(courier))
        return self._form_page(
            request, title=gettext("Register a courier"), form=form, hint=consents.membership_notice().shown
        )

    # ── Actions of the list ─────────────────────────────────────────────────────────────────────────────────────────

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return bool(self.scope(request, *duties.AT_COUNTER))

    @admin.action(description=_("I have met these couriers"), permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Courier]) -> None:
        self._do_to_all(request, queryset, registration.verify)

    @admin.action(description=_("block (say why)"), permissions=["change"])
    def block(self, request: HttpRequest, queryset: QuerySet[Courier]) -> None:
        self._do_to_all(request, queryset, registration.block, reason=request.POST.get("reason", ""))

    @admin.action(description=_("unblock (say why)"), permissions=["change"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[Courier]) -> None:
        self._do_to_all(request, queryset, registration.unblock, reason=request.POST.get("reason", ""))

    def _do_to_all(
        self, request: HttpRequest, queryset: QuerySet[Courier], verb: Callable[..., Courier], **more: Any
    ) -> None:
        at, by, done = clock.now(), signed_in(request), 0
        for courier in queryset:
            try:
                verb(courier=courier, actor=by, at=at, **more)
                done += 1
            except DomainError as refusal:
                self.message_user(request, f"{courier}: {refusal}", messages.ERROR)
        if done:
            self.message_user(
                request,
                ngettext("Done for {number} courier.", "Done for {number} couriers.", done).format(number=done),
                messages.SUCCESS,
            )

    # ── Pages of one courier ────────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("find/", view(self.find_view), name="couriers_courier_find"),
            *list_pages.urls(self),
            path("<int:pk>/card/", view(self.card_view), name="couriers_courier_card"),
            path("<int:pk>/new-pin/", view(self.new_pin_view), name="couriers_courier_new_pin"),
            path("<int:pk>/reveal/", view(self.reveal_view), name="couriers_courier_reveal"),
            path("<int:pk>/copy/", view(self.copy_view), name="couriers_courier_copy"),
            path("<int:pk>/do/<slug:step>/", view(self.step_view), name="couriers_courier_step"),
            *(
                path(f"<int:pk>/{name}/", view(self._shown(page)), name=f"couriers_courier_{name}")
                for name, page in PAGES.items()
            ),
            *super().get_urls(),
        ]

    def _courier(self, request: HttpRequest, pk: int, *needed: str) -> Courier:
        """The courier, if he is in a scope where the account has one of the duties `needed`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        courier: Courier | None = self.get_queryset(request).filter(pk=pk).first()
        if courier is None:
            raise Http404
        if not self.scope(request, *needed).covers_division(str(courier.division_id)):
            raise PermissionDenied
        return courier

    def _shown(self, page: Page) -> Callable[[HttpRequest, int], HttpResponse]:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            courier = self._courier(request, pk, *page.duties)
            if not page.is_for(courier):
                raise Http404
            return page.view(self, request, courier)

        return view

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """The only way from a phone to a courier: by the whole number, in one's own districts, and counted."""
        if not (self.has_view_permission(request) and self.scope(request, *duties.AT_COUNTER)):
            raise PermissionDenied
        form = LookUpForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                courier = finding.by_phone(form.cleaned_data["phone"], actor=signed_in(request), at=clock.now())
            except NotFound:
                form.add_error("phone", gettext("No courier of your districts has this phone."))
            except DomainError as refusal:
                tell(form, refusal)
            else:
                return HttpResponseRedirect(self._page_of(courier))
        return self._form_page(request, title=gettext("Look up a phone"), form=form)

    def card_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The card to print: the code as QR and as text, nothing about the person."""
        courier = self._courier(request, pk, *duties.AT_COUNTER)
        if courier.is_erased:
            raise Http404
        context = {
            "qr": qr_svg(courier.code), "code": codes.in_groups(courier.code), "back": self._page_of(courier),
            "back_name": gettext("Back to the courier"),
        }  # fmt: skip
        return TemplateResponse(request, "admin/couriers/card.html", context)

    def new_pin_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """忘记密码: a code that the courier scans with his own phone. Shown in this response only; opening the URL makes none."""
        courier = self._courier(request, pk, *duties.AT_COUNTER)
        if courier.is_erased:
            raise Http404
        form = NothingForm(request.POST if request.method == "POST" else None)
        title = gettext("New PIN")
        if request.method == "POST" and form.is_valid():
            try:
                _reset, token = membership.reset_pin_link(courier=courier, actor=signed_in(request), at=clock.now())
            except DomainError as refusal:
                tell(form, refusal)
            else:
                address = absolute(request, reverse("couriers:pin-reset", args=[token]))
                response = self._form_page(request, title=title, courier=courier, qr=qr_svg(address))
                response["Cache-Control"] = "no-store"
                return response
        hint = gettext(
            "He stands before you and is who he says. He scans a code with his own phone and chooses six digits."
        )
        return self._form_page(request, title=title, courier=courier, form=form, hint=hint)

    def reveal_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the reason, then shows name and phone, only in this response."""
        courier = self._courier(request, pk, *duties.AT_DESK)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        title = gettext("Show name and phone")
        if request.method == "POST" and form.is_valid():
            try:
                person = privacy.reveal(
                    courier=courier, reason=form.cleaned_data["reason"], actor=signed_in(request), at=clock.now()
                )
            except DomainError as refusal:
                tell(form, refusal)
            else:
                phone = spaced_phone(person.phone)
                return self._form_page(request, title=title, courier=courier, person=person, phone=phone)
        hint = gettext("At most {number} a day. Who looks at whom and why stays in the trail.").format(
            number=privacy.REVEALS_A_DAY.calls
        )
        return self._form_page(request, title=title, courier=courier, form=form, hint=hint)

    def copy_view(self, request: HttpRequest, pk: int) -> Any:
        """Everything that is kept about him, as a file to hand over."""
        courier = self._courier(request, pk, *duties.AT_DESK)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                copy = privacy.access_copy(
                    courier=courier, reason=form.cleaned_data["reason"], actor=signed_in(request), at=clock.now()
                )
            except DomainError as refusal:
                tell(form, refusal)
            else:
                text = json.dumps(copy, ensure_ascii=False, indent=2)
                return attachment([text.encode()], name=f"{courier.code}.json", content_type="application/json")
        return self._form_page(
            request,
            title=gettext("A copy of everything, for himself"),
            courier=courier,
            form=form,
            hint=gettext("It holds his name and phone in full and counts as one look at them. Hand it to nobody else."),
        )

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Asks what the step needs, does it, and leads back to his page."""
        courier = self._courier(request, pk)
        what = STEPS.get(step)
        if what is None:
            raise Http404
        courier = self._courier(request, pk, *what.duties)
        form = what.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                what.verb(courier=courier, actor=signed_in(request), at=clock.now(), **form.cleaned_data)
            except DutyMissing as refusal:
                raise PermissionDenied from refusal
            except DomainError as refusal:
                tell(form, refusal, asked_by=signed_in(request))
            else:
                self.message_user(request, gettext("Done: {what}").format(what=what.label), messages.SUCCESS)
                return HttpResponseRedirect(self._page_of(courier))
        hint = "\n".join([str(what.hint), *(what.says(courier) if what.says else [])])
        return self._form_page(request, title=str(what.label), courier=courier, form=form, hint=hint)

    def _page_of(self, courier: Courier) -> str:
        return reverse("admin:couriers_courier_change", args=[courier.pk])

    def _form_page(self, request: HttpRequest, *, title: str, **context: Any) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request), "title": title, "subtitle": None, "opts": self.opts, **context,
        }  # fmt: skip
        return TemplateResponse(request, "admin/couriers/form_page.html", context)


def _buttons(links: list[tuple[str, str | Promise]]) -> SafeString:
    """The links as buttons in a row; nothing if there are none."""
    buttons = format_html_join(" ", '<a class="button" href="{}">{}</a>', links)
    return format_html('<div class="steps">{}</div>', buttons) if links else buttons


def _work(cleaned: dict[str, Any]) -> Work:
    return Work(kind=cleaned.get("kind", ""), company=cleaned.get("company"), outlet=cleaned.get("outlet"))


name_in_trail(
    {
        "courier.registered": _("courier registered"),
        "courier.verified": _("courier met"),
        "courier.blocked": _("courier blocked"),
        "courier.unblocked": _("courier unblocked"),
        "courier.changed": _("courier changed"),
        "courier.phone-changed": _("phone changed"),
        "courier.phone-taken-off": _("phone taken off, another courier has the number now"),
        "courier.looked-up": _("courier looked up"),
        "courier.revealed": _("name and phone shown"),
        "courier.copied": _("copy of everything handed out"),
        "courier.erased": _("courier erased"),
        "courier.card-replaced": _("card replaced"),
        "courier.merged": _("two profiles merged"),
        "courier.pin-set": _("PIN set"),
        "courier.pin-reset-made": _("link for a new PIN made"),
        "courier.signed-in": _("courier signed in"),
        "courier.signed-out": _("courier signed out"),
        "phones": _("phones signed out"),
        "device": _("sort of phone"),
        "courier.consent-given": _("consent given"),
        "courier.consent-withdrawn": _("consent withdrawn"),
        "couriers.list-brought": _("list of couriers looked through"),
        "couriers.imported": _("list of couriers taken"),
        "rows": _("rows"),
        "courier.keys-rotated": _("couriers sealed with new keys"),
        "company.added": _("brand added"),
        "company.changed": _("brand changed"),
        "outlet.added": _("outlet added"),
        "outlet.changed": _("outlet changed"),
        "party-organisation.added": _("party organisation added"),
        "party-organisation.changed": _("party organisation changed"),
        "kind": _("kind"),
        "channel": _("way of registering"),
        "company": _("brand"),
        "outlet": _("outlet"),
        "purpose": _("purpose"),
        "kept": _("goes on"),
        "ended": _("ended"),
        "told_under": _("recorded under"),
        "partner": _("partner"),
        "notice_version": _("version of the notice"),
        "sealed": _("sealed anew"),
        "indexed": _("indexed anew"),
        "demo.couriers-seeded": _("demo couriers made"),
        "outlets": _("outlets"),
        "actor:demo_couriers": _("the demo"),
        "actor:import_couriers": _("import by command"),
        "actor:self": _("the courier himself"),
        "actor:rotate_courier_keys": _("the change of keys"),
    }
)


def in_words(told: set[Told]) -> dict[Told, str]:
    """The choices of a courier's row in people's words, and the phones on which he signs in."""
    choices: dict[str, type[TextChoices]] = {
        "kind": Courier.Kind,
        "status": Courier.Status,
        "channel": Courier.Channel,
        "purpose": Consent.Purpose,
    }
    phones = {(fact, value): devices.kind_text(value) for fact, value in told if fact == "device"}
    return phones | {(fact, choice.value): str(choice.label) for fact, options in choices.items() for choice in options}


words_in_trail(in_words)
offer_subjects({"courier": _("couriers"), "outlet": _("outlets"), "party-organisation": _("party organisations")})
