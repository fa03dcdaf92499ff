"""Who is signed in on this phone: a cookie with a token that the phone alone knows (couriers/devices.py)."""

import re
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from core import clock
from couriers import devices
from couriers.models import Courier, Device
from stations.views.errors import READING, page

__all__ = ["courier_of", "device_of", "for_couriers", "phone_kind", "remember", "sign_out"]

Arguments = ParamSpec("Arguments")
COOKIE = "me"
_SYSTEMS = (("iphone", "iphone"), ("ipad", "ipad"), ("harmony", "harmonyos"), ("android", "android"), ("windows", "windows"), ("mac os", "mac"))  # fmt: skip
_APPS = (("micromessenger", "wechat"), ("alipay", "alipay"))


def phone_kind(request: HttpRequest) -> str:
    """What sort of phone asks, as roughly as one tells two phones of one's own apart: "android wechat"."""
    said = request.headers.get("User-Agent", "").lower()
    system = next((name for word, name in _SYSTEMS if re.search(word, said)), "phone")
    app = next((name for word, name in _APPS if word in said), "")
    return f"{system} {app}".strip()


def remember(response: HttpResponse, token: str) -> None:
    """Keep the token of `devices.sign_in` on the phone. Who signs in anew has a new one, whatever was there before."""
    response.set_cookie(
        COOKIE, token, max_age=int(devices.LIFE.total_seconds()), secure=settings.SESSION_COOKIE_SECURE, httponly=True,
        samesite="Lax",
    )  # fmt: skip


def sign_out(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, samesite="Lax")


def device_of(request: HttpRequest) -> Device | None:
    """The signed-in phone that asks. One query for each request, and none without the cookie."""
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
    """A page for a courier who is signed in, which is told who he is; anybody else is led to signing in and back.

    It is kept nowhere. Somebody else's row looks like one that does not exist: what it shows is looked for among his own.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Courier, Arguments], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @page(methods=methods)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            courier = courier_of(request)
            if courier is None:
                back = request.get_full_path() if request.method in READING else ""
                query = f"?{urlencode({'next': back})}" if back else ""
                return HttpResponseRedirect(reverse("couriers:sign-in") + query)
            return view(request, courier, *args, **kwargs)

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = asked(request, *args, **kwargs)
            response["Cache-Control"] = "no-store"
            response["X-Robots-Tag"] = "noindex"
            return response

        return answer

    return decorate
