"""Registering on one's own phone, at the door or anywhere: one page, under a minute."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext

from core import clock, limits
from core.addresses import address_key
from core.errors import DomainError
from core.limits import Limit, TooMany
from couriers import consents, registration, signing_in, texting
from couriers import devices as phones
from couriers.errors import CourierBlocked, NoticeOutdated, PhoneTaken, PinLocked, SignInRefused
from couriers.models import Consent, Courier
from couriers.views import session
from couriers.views.forms import RegisterForm, say, why
from stations.models import Division, Station
from stations.views import devices
from stations.views.errors import page

__all__ = ["register"]

# A training room full of newcomers is behind one address, and so is a mobile carrier.
FROM_ONE_ADDRESS = Limit("register-address", calls=100, window_s=3600)
# That a phone is taken reveals that somebody is registered. One address is told so this often in a day.
TAKEN_FROM_ONE_ADDRESS = Limit("register-taken", calls=20, window_s=86_400)
_BESIDE = {
    "phone": "phone", "phone_taken": "phone", "name": "name", "pin": "pin", "company": "company", "kind": "kind",
    "division": "district", "sms_code_wrong": "code", "sms_not_sent": "code", "notice_outdated": "agreed",
}  # fmt: skip


@session.unkept
@page(methods=["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        if session.courier_of(request):
            return HttpResponseRedirect(session.next_page(request))
        return _asked(request, RegisterForm(initial={"district": _district_of_door(request)}))
    at, address = clock.now(), address_key(request)
    limits.enforce(FROM_ONE_ADDRESS, key=address, at=at)
    form = RegisterForm(request.POST)
    is_valid = form.is_valid()
    if request.POST.get("do") == "send-code" and texting.is_on():
        return _sent(request, form)
    if not is_valid:
        return _asked(request, form)
    try:
        return _registered(request, form)
    except DomainError as refusal:
        say(
            form, refusal, at=_BESIDE, otherwise="code" if isinstance(refusal, TooMany) and texting.is_on() else "phone"
        )
        return _asked(request, form, is_taken=isinstance(refusal, PhoneTaken))


def _registered(request: HttpRequest, form: RegisterForm) -> HttpResponse:
    """Register him, and sign him in on this phone. A form sent twice finds him registered and signs him in too."""
    at, address, said = clock.now(), address_key(request), form.cleaned_data
    notice = consents.membership_notice()
    if said["notice_version"] != notice.version:
        raise NoticeOutdated(gettext("The notice has changed meanwhile. Read it once more, and tick."))
    if texting.is_on():
        texting.check_code(phone=said["phone"], code=said["code"], address=address, at=at)
    kind = session.phone_kind(request)
    try:
        courier = registration.register(
            phone=said["phone"],
            name=said["name"],
            pin=said["pin"],
            work=registration.Work(kind=said["kind"], company=said["company"]),
            district=said["district"],
            channel=Courier.Channel.SELF,
            agreement=registration.Agreement(notice, Consent.Channel.PAGE),
            actor="self",
            at=at,
        )
        token = phones.sign_in(courier=courier, kind=kind, at=at)
    except PhoneTaken as refusal:
        limits.enforce(TAKEN_FROM_ONE_ADDRESS, key=address, at=at)
        try:
            _courier, token = signing_in.sign_in(who=said["phone"], pin=said["pin"], address=address, kind=kind, at=at)
        except (SignInRefused, PinLocked, CourierBlocked, TooMany):
            raise PhoneTaken from refusal
    return session.begin(request, token, leads_to=session.next_page(request))


def _sent(request: HttpRequest, form: RegisterForm) -> HttpResponse:
    """Send the code; other mistakes in the form are not reported yet."""
    phone_errors = form.errors.get("phone")
    form.errors.clear()
    if phone_errors:
        form.add_error("phone", phone_errors[0])
        return _asked(request, form)
    try:
        texting.send_code(phone=form.cleaned_data["phone"], address=address_key(request), at=clock.now())
    except DomainError as refusal:
        say(form, refusal, at=_BESIDE, otherwise="code")
    return _asked(request, form, is_sent=not form.errors)


def _asked(request: HttpRequest, form: RegisterForm, *, is_sent: bool = False, is_taken: bool = False) -> HttpResponse:
    notice = consents.membership_notice()
    has_read = form["notice_version"].value() == notice.version
    context = {
        "form": form,
        "errors": why(form),
        "kinds": [
            (value, icon, label, form["kind"].value() == value)
            for icon, (value, label) in zip(("parcel", "meal"), Courier.Kind.choices, strict=True)
        ],
        "agreed": bool(form["agreed"].value()) and has_read,
        "notice": notice,
        "asks_code": texting.is_on(),
        "is_sent": is_sent,
        "is_taken": is_taken,
        "next": session.next_page(request),
    }
    return render(request, "couriers/register.html", context, status=400 if form.errors else 200)


def _district_of_door(request: HttpRequest) -> Division | None:
    """The district of the station he comes from: named in the URL, or known by the QR that he scanned at its door."""
    said = request.GET.get("station", "").upper() or devices.door_of(request)
    station = Station.objects.exclude(status=Station.Status.DRAFT).filter(code=said[:40]).first() if said else None
    return Division.objects.districts().filter(code=str(station.division_id)[:6]).first() if station else None
