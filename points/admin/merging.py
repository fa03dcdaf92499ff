"""合并重复骑手 at the desk: from the page of the profile that stays; the other one is found by its card."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.typed import row_number
from couriers import privacy
from couriers.admin.people import CourierAdmin, Page, offer_page
from couriers.models import Courier
from points import merging
from points.admin.scoped import OnceForm, form_page
from points.models import Account, Redemption
from stations.admin.scoped import signed_in

__all__ = ["merge_view"]


class CardForm(forms.Form):
    code = forms.CharField(
        label=_("card of the other profile"), max_length=40, help_text=_("scan it, or type the code as it is printed"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


class MergeForm(OnceForm):
    duplicate = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("reason"), max_length=120, help_text=_("how you know that both are one person; stays in the trail")
    )


def merge_view(admin: CourierAdmin, request: HttpRequest, courier: Courier) -> HttpResponse:
    """Asks for the other card, shows both profiles, and merges them once that is confirmed with a reason."""
    is_confirmed = "op_id" in request.POST
    card = CardForm(None if is_confirmed else request.POST or None)
    duplicate = _of_the_form(admin, request) if is_confirmed else _of_the_card(admin, request, card, kept=courier)

    def do(said: dict[str, Any]) -> str:
        assert duplicate is not None  # noqa: S101 - narrows the type
        merging.merge(
            kept=courier, duplicate=duplicate, reason=said["reason"], op_id=said["op_id"], actor=signed_in(request),
            at=clock.now(),
        )  # fmt: skip
        return gettext("Merged. He has {points} points now; his card is {code}.").format(
            points=_balance(courier), code=courier.code
        )

    context: dict[str, Any] = {
        "title": gettext("Merge a duplicate into this profile"),
        "back": reverse("admin:couriers_courier_change", args=[courier.pk]),
        "back_name": courier.code,
    }
    form: forms.Form
    if duplicate is None:
        form = card
        context |= {
            "hint": gettext("One person has two profiles. This one goes on; give the card of the one that is to end."),
            "button": gettext("Compare"),
        }
    else:
        form = MergeForm(
            request.POST if is_confirmed else None, initial={"duplicate": duplicate.pk, **OnceForm.fresh()}
        )
        context |= {
            "hint": gettext(
                "All points move to the profile that goes on. The other one ends for good, and its card says that there is "
                "a newer one. Nobody can part them again."
            ),
            "shown": _side_by_side(courier, duplicate),
            "button": gettext("Merge"),
        }
    return form_page(request, form, do, opts=admin.opts, context=context)


def _of_the_form(admin: CourierAdmin, request: HttpRequest) -> Courier:
    number = row_number(request.POST.get("duplicate", ""))
    found: Courier | None = admin.get_queryset(request).filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _of_the_card(admin: CourierAdmin, request: HttpRequest, card: CardForm, *, kept: Courier) -> Courier | None:
    """The courier with this card, in the districts of the account; if there is none, the form says so."""
    if request.method != "POST" or not card.is_valid():
        return None
    rows, _may_repeat = admin.get_search_results(request, admin.get_queryset(request), card.cleaned_data["code"])
    found: Courier | None = rows.first()
    if found is None:
        card.add_error("code", gettext("No courier of your districts has this card."))
    elif found == kept:
        card.add_error("code", gettext("This is the card of the profile that goes on."))
        found = None
    elif found.is_erased:
        card.add_error("code", gettext("This profile has ended already."))
        found = None
    return found


def _balance(courier: Courier) -> int:
    wallet = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier)
    return wallet.values_list("balance", flat=True).first() or 0


def _side_by_side(kept: Courier, duplicate: Courier) -> SafeString:
    people = [privacy.masked(each) for each in (kept, duplicate)]
    waiting = [
        Redemption.objects.filter(courier=each, status=Redemption.Status.ORDERED).count() for each in (kept, duplicate)
    ]
    lines = [
        (gettext("card"), kept.code, duplicate.code),
        (gettext("full name"), *(each.name or "—" for each in people)),
        (gettext("mobile phone"), *(each.phone or "—" for each in people)),
        (gettext("district"), kept.division.label, duplicate.division.label),
        (gettext("status"), kept.get_status_display(), duplicate.get_status_display()),
        (gettext("points"), _balance(kept), _balance(duplicate)),
        (gettext("gifts that wait"), *waiting),
    ]
    rows = format_html_join(
        "", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', [tuple(map(str, line)) for line in lines]
    )
    return format_html(
        '<div class="module results"><table><thead><tr><th></th><th scope="col">{}</th><th scope="col">{}</th></tr></thead>'
        "<tbody>{}</tbody></table></div>",
        gettext("goes on"), gettext("ends"), rows,
    )  # fmt: skip


offer_page(
    "merge",
    Page(_("Merge a duplicate into this profile"), merge_view, is_for=lambda courier: not courier.is_erased),
)
