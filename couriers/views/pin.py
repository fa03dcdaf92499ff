"""A new PIN: by a steward's one-time link, on the courier's own phone, or changed by himself.

The token in the URL is a key: the page is kept nowhere, and no other page learns it.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from core import clock, limits
from core.addresses import address_key
from core.errors import DomainError
from core.limits import Limit
from couriers import devices, membership
from couriers.errors import CourierBlocked
from couriers.models import Courier
from couriers.views import session
from couriers.views.forms import ChangePinForm, NewPinForm, say, why
from stations.views.errors import page

__all__ = ["change_pin", "reset_pin"]

FROM_ONE_ADDRESS = Limit("pin-reset-address", calls=100, window_s=3600)


def reset_pin(request: HttpRequest, token: str) -> HttpResponse:
    response = _reset_pin(request, token)
    response["Referrer-Policy"] = "strict-origin"
    return response


@session.unkept
@page(methods=["GET", "HEAD", "POST"])
def _reset_pin(request: HttpRequest, token: str) -> HttpResponse:
    at = clock.now()
    form = NewPinForm(request.POST if request.method == "POST" else None)
    limits.enforce(FROM_ONE_ADDRESS, key=address_key(request), at=at)
    membership.reset_of(token, at=at)
    if form.is_bound and form.is_valid():
        courier = membership.use_pin_reset(token=token, pin=form.cleaned_data["new_pin"], at=at)
        if courier.status == Courier.Status.BLOCKED:
            raise CourierBlocked
        phone = devices.sign_in(courier=courier, kind=session.phone_kind(request), at=at)
        return session.begin(request, phone, leads_to=session.HOME)
    context = {"form": form, "errors": why(form), "is_reset": True}
    return render(request, "couriers/pin.html", context, status=400 if form.errors else 200)


@session.for_couriers(methods=["GET", "HEAD", "POST"])
def change_pin(request: HttpRequest, courier: Courier) -> HttpResponse:
    form = ChangePinForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        at = clock.now()
        try:
            membership.prove_pin(courier=courier, pin=form.cleaned_data["pin"], at=at)
            membership.set_pin(
                courier=courier,
                pin=form.cleaned_data["new_pin"],
                actor="self",
                at=at,
                device=session.device_of(request),
            )
        except DomainError as refusal:
            say(form, refusal, at={}, otherwise="pin")
        else:
            return HttpResponseRedirect(reverse("couriers:data") + "?done=pin")
    context = {"form": form, "errors": why(form), "is_reset": False}
    return render(request, "couriers/pin.html", context, status=400 if form.errors else 200)
