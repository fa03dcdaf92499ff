"""The phones on which a courier is signed in, and his number."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from core import clock, limits
from core.addresses import address_key
from core.errors import DomainError
from core.limits import TooMany
from couriers import devices, membership, registration, texting
from couriers import phones as numbers
from couriers.errors import CodeWrong, PhoneTaken
from couriers.models import Courier
from couriers.views import session
from couriers.views.forms import PhoneForm, say, why
from couriers.views.register import TAKEN_FROM_ONE_ADDRESS

__all__ = ["change_phone", "device_list"]


@session.for_couriers(methods=["GET", "HEAD", "POST"])
def device_list(request: HttpRequest, courier: Courier) -> HttpResponse:
    here, at = session.device_of(request), clock.now()
    if request.method == "POST":
        said = request.POST.get("device", "")
        if said == "others":
            devices.end_all(courier=courier, at=at, but=here)
            return HttpResponseRedirect(request.path)
        if not (said.isascii() and said.isdecimal() and len(said) < 19):
            raise Http404
        gone = courier.devices.filter(pk=int(said)).first()
        # Tapped twice, it has ended already; somebody else's phone looks the same.
        if gone is not None:
            devices.end(device=gone, at=at)
        return HttpResponseRedirect(request.path)
    listed = [
        {"device": each, "kind": devices.kind_text(each.kind), "is_here": each == here}
        for each in courier.devices.filter(expires_at__gt=at)
    ]
    listed.sort(key=lambda each: not each["is_here"])
    return render(request, "couriers/devices.html", {"listed": listed})


@session.for_couriers(methods=["GET", "HEAD", "POST"])
def change_phone(request: HttpRequest, courier: Courier) -> HttpResponse:
    """A new number, proved by a code. If codes cannot be sent, a steward changes it, who sees the phone."""
    if not texting.is_on():
        raise Http404
    form, is_sent, at, address = PhoneForm(request.POST or None), False, clock.now(), address_key(request)
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            number = numbers.read_phone(said["phone"])
            membership.prove_pin(courier=courier, pin=said["pin"], at=at)
            if request.POST.get("do") == "send-code":
                texting.send_code(phone=number, address=address, at=at)
                is_sent = True
            else:
                texting.check_code(phone=number, code=said["code"], address=address, at=at)
                registration.change_phone(courier=courier, phone=number, actor="self", at=at)
                # Every phone was signed out; the one in his hand stays signed in.
                token = devices.sign_in(courier=courier, kind=session.phone_kind(request), at=at)
                response = HttpResponseRedirect(reverse("couriers:data") + "?done=phone")
                session.remember(response, token)
                return response
        except DomainError as refusal:
            if isinstance(refusal, PhoneTaken):
                limits.enforce(TAKEN_FROM_ONE_ADDRESS, key=address, at=at)
            beside = "code" if isinstance(refusal, CodeWrong | TooMany) else "pin"
            say(form, refusal, at={"phone": "phone", "phone_taken": "phone", "sms_not_sent": "code"}, otherwise=beside)
    context = {"form": form, "errors": why(form), "is_sent": is_sent}
    return render(request, "couriers/phone.html", context, status=400 if form.errors else 200)
