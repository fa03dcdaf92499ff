"""For when power or network is down: the paper form (离线登记表) to print beforehand, and entering it afterwards (补录)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from core import clock
from core.addresses import absolute
from core.admin import described_name
from core.admin_site import FengchaoAdminSite
from core.errors import DomainError, InvalidValue
from core.typed import DayField
from couriers import finding, privacy, registration
from couriers.models import Courier
from points import late
from points.admin.scoped import OnceForm, form_page
from points.errors import (
    CourierNotMet,
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    LineEntered,
    NotEnoughPoints,
    OutOfStock,
    PriceChanged,
)
from points.forms.presence import SecondPersonForm
from points.models import Account, Gift, Redemption
from points.redemption import AT_COUNTER
from stations import access
from stations.admin.scoped import signed_in
from stations.admin.stations import lead_on
from stations.models import Station
from stations.views.poster import qr_svg

__all__ = ["form_sheet", "late_page"]

MOST_STATIONS = 40
MOST_POINTS = 1_000_000


def kept_station(request: HttpRequest, pk: int) -> Station:
    """A station at whose counter the reader serves.   Raises: Http404 outside his scope, PermissionDenied without the duty."""
    station = access.scope_of(request.user).stations().select_related("division").filter(pk=pk).first()
    if station is None:
        raise Http404
    if not access.scope_of(request.user, *AT_COUNTER).covers(station):
        raise PermissionDenied
    return station


# ── The paper ───────────────────────────────────────────────────────────────────────────────────────────────────────


def form_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """One sheet with a number of its own, new for each request, so sheets are printed and not copied."""
    station = kept_station(request, pk)
    at = clock.now()
    number = late.new_form_no(station, at=at)
    back = reverse("admin:points_late")
    context = {
        "station": station,
        "number": number,
        "day": clock.local_date(at),
        "lines": range(1, late.LINES + 1),
        "days": late.WITHIN.days,
        "qr": qr_svg(absolute(request, f"{back}?{urlencode({'form': number})}")),
        "back": back,
    }
    response = TemplateResponse(request, "admin/points/late/form.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


# ── Entering it ─────────────────────────────────────────────────────────────────────────────────────────────────────


class FormNoForm(forms.Form):
    form = forms.CharField(
        label=_("number of the form"), max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        help_text=_("printed at its top, such as WH-WC-0001-261126-7KQ4MX; or scan its code with a phone"),
    )  # fmt: skip


class LineForm(SecondPersonForm):
    line = forms.IntegerField(label=_("line of the form"), min_value=1, max_value=late.LINES)
    day = DayField(label=_("day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    hour = forms.TimeField(label=_("time on the form"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    who = forms.CharField(
        label=_("member card"), max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        help_text=_("the code that stands on the form, or his whole phone number"),
    )  # fmt: skip
    last_four = forms.RegexField(
        label=_("last four digits of his phone"), regex=r"^\d{4}$", required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("as on the form: they show that the card was read rightly"),
    )  # fmt: skip
    gift = forms.ModelChoiceField(label=_("gift"), queryset=Gift.objects.none())
    points = forms.IntegerField(
        label=_("points"), min_value=1, max_value=MOST_POINTS, help_text=_("the price of that day, as on the form")
    )
    met = forms.BooleanField(
        label=_("I have met him myself"), required=False,
        help_text=_("only for one whom nobody had met before: he showed who he is when he got the gift"),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("note"), max_length=200, required=False, help_text=_("such as: power out from 2 to 5 o'clock")
    )
    field_order = (
        "line", "day", "hour", "who", "last_four", "gift", "points", "second_name", "second_password", "met", "reason",
    )  # fmt: skip
    folded = ("met", "reason")
    folded_label = _("He is new here, or there is something to note")
    said_at: ClassVar[Mapping[type[DomainError], str]] = {
        LineEntered: "line", CourierNotMet: "met", NotEnoughPoints: "who", OutOfStock: "gift", GiftNotOffered: "gift",
        GiftOfAnotherDistrict: "gift", LimitReached: "gift",
    }  # fmt: skip

    def __init__(self, *args: Any, station: Station, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.station = station
        self.courier: Courier | None = None
        self.witness: Any = None
        held = Account.objects.filter(kind=Account.Kind.STOCK, station=station).values("gift")
        choice = self.fields["gift"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - narrows the type
        choice.queryset = Gift.objects.filter(pk__in=held).order_by("name")
        for name in ("second_name", "second_password"):
            self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        # Outside the transaction that books it: a looked-up number counts even if that fails, and so does a wrong password.
        actor, who = signed_in(self.request), cleaned["who"]
        try:
            self.courier = finding.by_code_or_phone(who, actor=actor, at=clock.now(), shown_at=self.happened_at)
        except DomainError as refusal:
            self.add_error("who", str(refusal.detail if isinstance(refusal, InvalidValue) else refusal))
            return cleaned
        if (said := cleaned["last_four"]) and not privacy.masked(self.courier).phone.endswith(said):
            why = gettext(
                "His phone ends otherwise. Look at the card's code on the form again. If he has another number since, leave this empty."
            )
            self.add_error("last_four", why)
            return cleaned
        self.witness = self.signed_by(AT_COUNTER, lambda scope: scope.covers(self.station))
        return cleaned

    @property
    def happened_at(self) -> datetime:
        """The time on the paper, by Wuhan's wall clock."""
        return datetime.combine(self.cleaned_data["day"], self.cleaned_data["hour"], tzinfo=clock.WUHAN)


@sensitive_post_parameters("second_password", "who")
def late_page(request: HttpRequest) -> HttpResponse:
    """First which form; then its lines, one after another."""
    scope = access.scope_of(request.user, *AT_COUNTER)
    if not scope:
        raise PermissionDenied
    asked = request.GET.get("form", "")
    number = late.read_form_no(asked) if asked else None
    if number is not None:
        try:
            station = late.station_of(number)
        except DomainError:
            station = None
        if station is not None and scope.covers(station):
            return _lines(request, number, station)
    form = FormNoForm(request.GET or None) if asked else FormNoForm()
    if asked and form.is_valid():
        form.add_error("form", gettext("No form of your stations has this number. Compare it with the paper."))
    stations = scope.stations().published().order_by("name")
    context = {
        **admin.site.each_context(request),
        "title": gettext("Paper forms and late entries"),
        "subtitle": None,
        "opts": Redemption._meta,
        "form": form,
        "stations": stations[:MOST_STATIONS],
        "are_more": len(stations[: MOST_STATIONS + 1]) > MOST_STATIONS,
        "days": late.WITHIN.days,
    }
    return TemplateResponse(request, "admin/points/late/start.html", context)


def _lines(request: HttpRequest, number: str, station: Station) -> HttpResponse:
    actor = signed_in(request)
    before = late.entered(number)
    taken = {each.form_line for each in before}
    free = next((line for line in range(1, late.LINES + 1) if line not in taken), None)
    after = max((each.ordered_at for each in before), default=None)
    initial: dict[str, Any] = {"line": free, "day": clock.local_date(after or clock.now())}
    if before:
        initial["second_name"] = before[-1].ordered.approver_name
        if initial["second_name"] == actor.get_username():
            initial["second_name"] = before[-1].ordered.actor_name
    form = LineForm(request.POST or None, request=request, station=station, initial=OnceForm.fresh() | initial)
    here = f"{reverse('admin:points_late')}?{urlencode({'form': number})}"
    context: dict[str, Any] = {
        "title": gettext("Late entries of {form}").format(form=number),
        "template": "admin/points/late/lines.html",
        "station": station,
        "number": number,
        "entered": [_shown(each) for each in before],
        "is_full": free is None and request.method != "POST",
        "days": late.WITHIN.days,
        "back": here,
        "then": here,
    }

    def do(said: dict[str, Any]) -> str:
        at, courier = clock.now(), form.courier
        assert courier is not None  # noqa: S101 - `clean` found him
        finding.locked(courier)
        if said["met"] and courier.status == Courier.Status.UNVERIFIED:
            registration.verify(courier=courier, actor=actor, at=at)
        try:
            done = late.record(
                courier=courier, gift=said["gift"], station=station, points=said["points"], happened_at=form.happened_at,
                form_no=number, form_line=said["line"], witness=form.witness, reason=said["reason"], op_id=said["op_id"],
                actor=actor, at=at,
            )  # fmt: skip
        except PriceChanged as refusal:
            # Nothing has changed just now: another price stood on the paper.
            why = gettext("It cost {price} points on that day. Enter that, and write it on the form as well.")
            raise InvalidValue("points", why.format(price=refusal.data["price"])) from refusal
        return gettext("Line {line} is entered: {gift} for {points} points, receipt number {code}.").format(
            line=done.form_line, gift=done.gift.label, points=done.points, code=done.receipt_no
        )

    return form_page(request, form, do, opts=Redemption._meta, context=context)


def _shown(found: Redemption) -> dict[str, Any]:
    person = privacy.masked(found.courier)
    return {
        "found": found,
        "url": reverse("admin:points_redemption_change", args=[found.pk]),
        "courier": f"{found.courier.code} {person.name} {person.phone[-4:]}".rstrip(),
        "recorded_at": found.ordered.recorded_at,
        "by": described_name(found.ordered.actor_name),
        "signed": found.ordered.approver_name,
    }


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/late/", late_page, name="points_late")
    admin.site.show_page("points/late/form/<int:pk>/", form_sheet, name="points_late_form")
lead_on(
    _("Form for network failures"), AT_COUNTER, lambda station: reverse("admin:points_late_form", args=[station.pk])
)
