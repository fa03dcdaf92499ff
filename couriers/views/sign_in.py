"""Signing in with phone or card and PIN, and signing out."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from core import clock
from core.addresses import address_key
from core.errors import DomainError
from couriers import codes, devices, signing_in
from couriers.views import session
from couriers.views.forms import SignInForm, say, why
from stations.views.errors import page

__all__ = ["sign_in", "sign_out"]


@session.unkept
@page(methods=["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        if session.courier_of(request):
            return HttpResponseRedirect(session.next_page(request))
        return _asked(request, SignInForm(initial={"card": codes.read_code(request.GET.get("card", "")[:40]) or ""}))
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _asked(request, form)
    said = form.cleaned_data
    try:
        _courier, token = signing_in.sign_in(
            who=said["card"] or said["phone"],
            pin=said["pin"],
            address=address_key(request),
            kind=session.phone_kind(request),
            at=clock.now(),
        )
    except DomainError as refusal:
        say(form, refusal, at={}, otherwise="pin")
        return _asked(request, form, status=refusal.status)
    return session.begin(request, token, leads_to=session.next_page(request))


def _asked(request: HttpRequest, form: SignInForm, *, status: int = 400) -> HttpResponse:
    context = {
        "form": form,
        "errors": why(form),
        "next": session.next_page(request),
        "card": form["card"].value() or "",
    }
    return render(request, "couriers/sign_in.html", context, status=status if form.errors else 200)


@session.unkept
@page(methods=["POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    device = session.device_of(request)
    if device is not None:
        devices.end(device=device, at=clock.now())
    response = HttpResponseRedirect(reverse("stations:finder"))
    session.sign_out(response)
    return response
