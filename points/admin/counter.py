"""The office's counter: a courier is found by card, phone or pass, and takes a gift at once.

A quick form for staff who have the admin open. Stewards have pages of their own (points/views/counter/).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from core import clock
from core.admin_site import FengchaoAdminSite
from core.errors import DomainError
from core.typed import row_number
from couriers import privacy
from couriers.models import Courier
from points import ledger, serving, stock
from points.admin.scoped import OnceForm, form_page
from points.errors import (
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    NotEnoughPoints,
    OutOfStock,
    PriceChanged,
    StationNotOpen,
)
from points.forms.presence import PresenceForm
from points.forms.who import WhoForm, courier_of, forget_pass, shown_pass, word_for
from points.models import Account, Gift, Redemption
from points.redemption import AT_COUNTER
from stations import access
from stations.admin.scoped import signed_in
from stations.models import Station

__all__ = ["facts"]

MOST_DIGITS = 9  # of a price


def facts(*lines: tuple[str | Promise, str]) -> SafeString:
    """A few facts above a form."""
    return format_html('<dl class="facts">{}</dl>', format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", lines))


class GiftChoice(forms.ChoiceField):
    """A gift at the price that was shown. Any gift that a cabinet ever held is a valid choice: a second tap may name the
    piece that the first one took, and the verb refuses in words what is no longer available."""

    known: Mapping[int, Gift] = {}

    def valid_value(self, value: Any) -> bool:
        gift, _dash, price = str(value).partition("-")
        return row_number(gift) in self.known and price.isdecimal() and len(price) <= MOST_DIGITS

    def clean(self, value: Any) -> Any:
        gift, _dash, price = super().clean(value).partition("-")
        return self.known[int(gift)], int(price)


class RedeemForm(PresenceForm):
    station = forms.ModelChoiceField(label=_("station"), queryset=Station.objects.none())
    gift = GiftChoice(label=_("gift"))
    field_order = ("station", "gift", "met", "digits", "reason", "second_name", "second_password")
    said_at: ClassVar[Mapping[type[DomainError], str]] = {
        **PresenceForm.said_at,
        StationNotOpen: "station", GiftOfAnotherDistrict: "gift", GiftNotOffered: "gift", PriceChanged: "gift",
        LimitReached: "gift", OutOfStock: "gift", NotEnoughPoints: "gift",
    }  # fmt: skip

    def __init__(self, *args: Any, stations: QuerySet[Station], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place, gift = self.fields["station"], self.fields["gift"]
        assert isinstance(place, forms.ModelChoiceField)  # noqa: S101 - narrows the type
        assert isinstance(gift, GiftChoice)  # noqa: S101 - narrows the type
        held = Account.objects.filter(kind=Account.Kind.STOCK, station__in=stations.values("pk"))
        there = set(held.filter(balance__gt=0).values_list("gift", flat=True))
        gift.known = {
            each.pk: each
            for each in Gift.objects.filter(pk__in=held.values("gift")).order_by("name").prefetch_related("prices")
        }
        offered = ((each, _price_today(each)) for each in gift.known.values() if each.is_offered and each.pk in there)
        gift.choices = [
            ("", "—"),
            *(
                (f"{each.pk}-{price}", gettext("{gift}: {points} points").format(gift=each.label, points=price))
                for each, price in offered
                if price is not None
            ),
        ]
        place.queryset = stations
        if len(found := stations[:2]) == 1:
            self.initial.setdefault("station", found[0].pk)

    @property
    def has_gifts(self) -> bool:
        return len(list(self.fields["gift"].choices)) > 1  # type: ignore[attr-defined]


def _price_today(gift: Gift) -> int | None:
    """From prices that were prefetched with the gift."""
    today = clock.local_date(clock.now())
    for price in gift.prices.all():
        if price.valid_from <= today and (price.valid_through is None or price.valid_through >= today):
            return price.points
    return None


@sensitive_post_parameters("who", "digits", "second_password")
def page(request: HttpRequest) -> HttpResponse:
    """First the courier, then the gift."""
    scope = access.scope_of(request.user, *AT_COUNTER)
    if not scope:
        raise PermissionDenied
    found = courier_of(word, request) if (word := request.GET.get("who", "")) else None
    if found is not None:
        return _take(request, found)
    form = WhoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        courier = form.found(request)
        if courier is not None:
            address = f"{reverse('admin:points_counter')}?who={word_for(courier, request)}"
            return HttpResponseRedirect(address)
    context = {
        **admin.site.each_context(request),
        "title": gettext("At the counter"),
        "hint": gettext("Who stands here? Scan or type what he shows; then choose what he takes."),
        "button": gettext("Go on"),
        "back": reverse("admin:points_redemption_changelist"),
        "back_name": Redemption._meta.verbose_name_plural,
        "form": form,
        "subtitle": None,
        "opts": Redemption._meta,
    }
    return TemplateResponse(request, "admin/points/form.html", context)


def _take(request: HttpRequest, courier: Courier) -> HttpResponse:
    actor = signed_in(request)
    stations = access.scope_of(actor, *AT_COUNTER).stations().published().order_by("name")
    form = RedeemForm(
        request.POST or None, request=request, courier=courier, stations=stations,
        initial=OnceForm.fresh() | {"digits": shown_pass(request, courier)},
    )  # fmt: skip
    person = privacy.masked(courier)
    context: dict[str, Any] = {
        "title": gettext("A gift for {name}").format(name=person.name or courier.code),
        "hint": "" if form.has_gifts else gettext("No gift with a price lies in the cabinets of your stations."),
        "shown": format_html(
            '{}<p class="desk-buttons">{}</p>',
            facts(
                (_("courier"), f"{courier.code} {person.name} {person.phone}".rstrip()),
                (_("status"), f"{courier.get_status_display()} {courier.blocked_reason}".rstrip()),
                (_("points"), f"{ledger.balance_of(ledger.wallet(courier))}"),
            ),
            _ways_to_membership(courier, request),
        ),
        "button": gettext("Hand over"),
        "back": reverse("admin:points_counter"),
        "back_name": gettext("At the counter"),
    }

    in_vain: list[tuple[Gift, Station]] = []

    def do(said: dict[str, Any]) -> str:
        gift, price = said["gift"]
        try:
            done = serving.give(
                courier=courier, gift=gift, station=said["station"], points=price, presence=form.presence(),
                has_met=said["met"], op_id=said["op_id"], actor=actor, at=clock.now(),
            )  # fmt: skip
        except OutOfStock:
            in_vain.append((gift, said["station"]))
            raise
        forget_pass(request)
        context["then"] = reverse("admin:points_redemption_change", args=[done.pk])
        return gettext("Handed over: {gift} for {points} points.").format(gift=done.gift.label, points=done.points)

    answer = form_page(request, form, do, opts=Redemption._meta, context=context)
    for gift, station in in_vain:  # outside the transaction that the refusal rolled back
        stock.note_wanted(gift=gift, station=station, at=clock.now())
    return answer


def _ways_to_membership(courier: Courier, request: HttpRequest) -> SafeString:
    """Links to the counter's own pages for PIN, card and phone, which do not depend on the courier's district."""
    if courier.is_erased:
        return SafeString()
    word = word_for(courier, request)
    ways = [("card", _("Replace the card")), ("phone", _("Change the phone"))]
    if courier.status != Courier.Status.BLOCKED:
        ways.insert(0, ("pin", _("New PIN")))
    links = [(reverse(f"points:counter-{name}", args=[word]), label) for name, label in ways]
    return format_html_join(" ", '<a class="button" href="{}">{}</a>', links)


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/counter/", page, name="points_counter")
