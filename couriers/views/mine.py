"""我的资料: what is kept about a courier, his consents, a copy of everything, and erasing it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from core.errors import DomainError
from couriers import consents, devices, membership, privacy, texting
from couriers.models import Consent, Courier
from couriers.views import session
from couriers.views.forms import PinForm, say, why
from stations.views.errors import page

__all__ = ["consent_list", "copy", "data", "erase", "goodbye", "say_in_copies"]

POSTED = ("GET", "HEAD", "POST")
STATE_ICONS = {"unverified": "clock", "active": "open", "blocked": "locked", "erased": "close"}
DONE: dict[str, str | Promise] = {
    "pin": _("Your new PIN holds from now on. On all your other phones you are signed out."),
    "phone": _("Your new number holds from now on. On all your other phones you are signed out."),
}


@session.for_couriers()
def data(request: HttpRequest, courier: Courier) -> HttpResponse:
    context = {
        "courier": courier,
        "person": privacy.masked(courier),
        "state_icon": STATE_ICONS[courier.status],
        "done": DONE.get(request.GET.get("done", ""), ""),
        "changes_phone": texting.is_on(),
        "is_member": consents.holds(courier=courier, purpose=Consent.Purpose.MEMBERSHIP),
    }
    return render(request, "couriers/data.html", context)


@session.for_couriers(methods=POSTED)
def consent_list(request: HttpRequest, courier: Courier) -> HttpResponse:
    """What he agreed to and when, with the exact text; each consent can be withdrawn, and given again."""
    newest = {(each.purpose, each.partner): each for each in courier.consents.order_by("id")}
    programs = consents.programs_for(courier)
    unasked = [code for code in programs if (Consent.Purpose.SHARING, code) not in newest]
    if request.method == "POST":
        purpose, partner = request.POST.get("purpose", ""), request.POST.get("partner", "")
        said = newest.get((purpose, partner))
        act = request.POST.get("act", "")
        is_new = act == Consent.Act.GIVEN and purpose == Consent.Purpose.SHARING and partner in unasked
        # Tapped twice, or about something that nobody can agree to: it is as he wishes already.
        if is_new or (said is not None and said.act != act):
            change = {"withdrawn": consents.withdraw, "given": consents.give}
            if act in change:
                change[act](
                    courier=courier, notice=consents.notice(purpose), channel=Consent.Channel.PAGE, purpose=purpose,
                    partner=partner, actor="self", at=clock.now(),
                )  # fmt: skip
        return HttpResponseRedirect(request.path)
    listed = [
        {
            "consent": each,
            "holds": each.act == Consent.Act.GIVEN,
            "notice": _notice_of(each),
            "program": programs.get(each.partner, each.partner),
        }
        for each in newest.values()
    ]
    context = {
        "listed": listed,
        "unasked": [(code, programs[code]) for code in unasked],
        "sharing": consents.notice(Consent.Purpose.SHARING),
    }
    return render(request, "couriers/consents.html", context)


def _notice_of(consent: Consent) -> consents.Notice | None:
    """The text he read, if it is still the same; once he has withdrawn, the one he would agree to now."""
    notice = consents.notice(consent.purpose)
    is_it = consent.act == Consent.Act.WITHDRAWN or notice.sha256 == consent.notice_sha256
    return notice if is_it else None


# ── A copy ──────────────────────────────────────────────────────────────────────────────────────────────────────────

WORDS: dict[str, str | Promise] = {
    "code": _("member code"), "name": _("full name"), "phone": _("mobile phone"), "has_pin": _("a PIN is set"),
    "kind": _("kind"), "company": _("brand"), "outlet": _("outlet"), "district": _("district"), "status": _("status"),
    "blocked_reason": _("blocked because"), "registered_at": _("registered at"), "registered_by": _("registered by"),
    "channel": _("way of registering"), "verified_at": _("met at"), "verified_by": _("met by"),
    "replaced_cards": _("replaced cards"), "replaced_at": _("replaced at"), "merged_profiles": _("merged profiles"),
    "consents": _("consents"), "purpose": _("purpose"), "partner": _("partner"), "act": _("act"),
    "notice_version": _("version of the notice"), "notice_sha256": _("SHA-256 of the notice"),
    "occurred_at": _("occurred at"), "signed_in_phones": _("signed-in phones"),
    "signed_in_phones.kind": _("sort of phone"), "signed_in_at": _("signed in at"), "seen_on": _("last used on"),
    "expires_at": _("valid until"),
}  # fmt: skip
VALUES: dict[str, Mapping[str, str | Promise]] = {
    "kind": dict(Courier.Kind.choices), "status": dict(Courier.Status.choices), "channel": {
        **dict(Courier.Channel.choices), **dict(Consent.Channel.choices),
    }, "purpose": dict(Consent.Purpose.choices), "act": dict(Consent.Act.choices),
    "registered_by": {"self": _("the courier himself")},
}  # fmt: skip


def say_in_copies(*, words: Mapping[str, str | Promise], values: Mapping[str, Mapping[str, str | Promise]]) -> None:
    """Give words for what an app above adds to a copy (`privacy.tell_in_copies`): "redemptions.code", or "code" anywhere."""
    WORDS.update(words)
    VALUES.update(values)


# A moment as a machine writes it, to be cut to what people read.
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$")


def _lines(copied: dict[str, Any], depth: int = 0, within: str = "") -> list[dict[str, Any]]:
    """A copy as lines of a page: the name, the value, and what is nested in it (`within` names what it is nested in)."""
    lines = []
    for name, value in copied.items():
        here = f"{within}.{name}"
        line: dict[str, Any] = {"name": WORDS.get(here) or WORDS.get(name, name.replace("_", " ")), "depth": depth}
        if isinstance(value, dict):
            line["inside"] = [_lines(value, depth + 1, name)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            line["inside"] = [_lines(each, depth + 1, name) for each in value]
        elif isinstance(value, list):
            line["value"] = gettext(", ").join(str(each) for each in value) or "—"
        elif isinstance(value, bool):
            line["value"] = gettext("yes") if value else gettext("no")
        else:
            said = _MOMENT.sub(r"\1 \2", str(value)) if value not in (None, "") else "—"
            line["value"] = _in_words(here, name, said)
        lines.append(line)
    return lines


def _in_words(here: str, name: str, said: str) -> str | Promise:
    if here == "signed_in_phones.kind":
        return devices.kind_text(said)
    return (VALUES.get(here) or VALUES.get(name, {})).get(said, said)


@session.for_couriers(methods=POSTED)
def copy(request: HttpRequest, courier: Courier) -> HttpResponse:
    """Everything that is kept about him, to read or as a file. Somebody else may hold his phone, so it asks for the PIN."""
    form = PinForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        at = clock.now()
        try:
            membership.prove_pin(courier=courier, pin=form.cleaned_data["pin"], at=at)
            copied = privacy.access_copy(
                courier=courier, reason=audit.in_office_words(_("at his own wish")), actor="self", at=at
            )
        except DomainError as refusal:
            say(form, refusal, at={}, otherwise="pin")
        else:
            if request.POST.get("do") == "file":
                text = json.dumps(copied, ensure_ascii=False, indent=2)
                response = HttpResponse(text, content_type="application/json; charset=utf-8")
                response["Content-Disposition"] = f'attachment; filename="{courier.code}.json"'
                return response
            return render(request, "couriers/copy.html", {"lines": _lines(copied)})
    context = {"form": form, "errors": why(form)}
    return render(request, "couriers/copy_form.html", context, status=400 if form.errors else 200)


# ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@session.for_couriers(methods=POSTED)
def erase(request: HttpRequest, courier: Courier) -> HttpResponse:
    form = PinForm(request.POST if request.method == "POST" else None)
    is_sure = request.POST.get("sure") == "yes"
    if form.is_bound and form.is_valid():
        at = clock.now()
        if not is_sure:
            form.add_error(None, gettext("Tick that you know what is lost."))
        else:
            try:
                membership.prove_pin(courier=courier, pin=form.cleaned_data["pin"], at=at)
                privacy.erase(courier=courier, reason=audit.in_office_words(_("at his own wish")), actor="self", at=at)
            except DomainError as refusal:
                say(form, refusal, at={}, otherwise="pin" if refusal.code.startswith("pin_") else "__all__")
            else:
                response = HttpResponseRedirect(reverse("couriers:goodbye"))
                session.sign_out(response)
                return response
    errors = why(form)
    context = {"form": form, "errors": errors, "error": errors.get("__all__", ""), "is_sure": is_sure}
    context["lost"] = privacy.lost_with(courier)
    return render(request, "couriers/erase.html", context, status=400 if form.errors else 200)


@session.unkept
@page()
def goodbye(request: HttpRequest) -> HttpResponse:
    return render(request, "couriers/goodbye.html")
