"""Who is signed in on this phone: a cookie with a token that only the phone has (couriers/devices.py)."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from core import clock
from couriers import devices
from couriers.models import Courier, Device
from stations.views.errors import READING, page

__all__ = [
    "begin",
    "courier_of",
    "device_of",
    "for_couriers",
    "next_page",
    "phone_kind",
    "remember",
    "sign_out",
    "unkept",
]

Arguments = ParamSpec("Arguments")
COOKIE = "me"
# His own page, which an app above this one provides.
HOME = "/me/"
LONGEST_ADDRESS = 500
_SYSTEMS = (("iphone", "iphone"), ("ipad", "ipad"), ("harmony", "harmonyos"), ("android", "android"), ("windows", "windows"), ("mac os", "mac"))  # fmt: skip
_APPS = (("micromessenger", "wechat"), ("alipay", "alipay"))


def phone_kind(request: HttpRequest) -> str:
    """What sort of phone it is, just enough for people to tell their own phones apart: "android wechat"."""
    said = request.headers.get("User-Agent", "").lower()
    system = next((name for word, name in _SYSTEMS if word in said), "phone")
    app = next((name for word, name in _APPS if word in said), "")
    return f"{system} {app}".strip()


def remember(response: HttpResponse, token: str) -> None:
    """Keep the token of `devices.sign_in` on the phone. Each time of signing in gives a new one, whatever was there before."""
    response.set_cookie(
        COOKIE, token, max_age=int(devices.LIFE.total_seconds()), secure=settings.SESSION_COOKIE_SECURE, httponly=True,
        samesite="Lax",
    )  # fmt: skip


def begin(request: HttpRequest, token: str, *, leads_to: str) -> HttpResponse:
    """Sign him in and lead him to where he wanted to go. Whoever was signed in on this phone before is signed out."""
    before = device_of(request)
    if before is not None:
        devices.end(device=before, at=clock.now())
    response = HttpResponseRedirect(leads_to)
    remember(response, token)
    return response


def next_page(request: HttpRequest) -> str:
    """The page of ours that `next` names; his own page if it names anything else."""
    said = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = said.startswith("/") and url_has_allowed_host_and_scheme(said, allowed_hosts=None)
    return said if is_ours and len(said) <= LONGEST_ADDRESS and said.isprintable() else HOME


def unkept(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have the page kept nowhere: neither by the browser nor by any cache on the way. The phone that is signed in is kept for
    longer by its first page of a day.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex"
        device: Device | None = request.__dict__.get("_device")
        if device and device.seen_on != clock.local_date(clock.now()) and COOKIE not in response.cookies:
            remember(response, request.COOKIES[COOKIE])  # the cookie lives as long as its token
        return response

    return answer


def sign_out(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, samesite="Lax")


def device_of(request: HttpRequest) -> Device | None:
    """The signed-in phone that sent the request. One query for each request, and none without the cookie."""
    if "_device" not in request.__dict__:
        token = request.COOKIES.get(COOKIE, "")
        request.__dict__["_device"] = devices.device_of(token, at=clock.now()) if token else None
    found: Device | None = request.__dict__["_device"]
    return found


def courier_of(request: HttpRequest) -> Courier | None:
    """The courier who is signed in on this phone."""
    device = device_of(request)
    return device.courier if device else None


def for_couriers(
    *, methods: Collection[str] = READING
) -> Callable[[Callable[Concatenate[HttpRequest, Courier, Arguments], HttpResponse]], Callable[..., HttpResponse]]:
    """A page for a courier who is signed in, who is passed to the view; anybody else is led to signing in and back: a form
    that he sent is not done, and its page asks once more.

    It is kept nowhere. Somebody else's row looks like one that does not exist, since the view looks only among his own.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Courier, Arguments], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @page(methods=methods)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            device = device_of(request)
            if device is None:
                back = request.get_full_path() if request.method in READING or "GET" in methods else ""
                query = f"?{urlencode({'next': back})}" if back else ""
                return HttpResponseRedirect(reverse("couriers:sign-in") + query)
            return view(request, device.courier, *args, **kwargs)

        return wraps(view)(unkept(asked))

    return decorate
