"""What belongs to every page: text size, language, and the page that explains what all this is."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from core.errors import InvalidValue
from stations.views.devices import DEVICE_AGE
from stations.views.errors import page

__all__ = ["about", "preferences"]

TEXT_SIZES = ("usual", "big")


@page()
def preferences(request: HttpRequest) -> HttpResponse:
    """Remember text size or language on this phone and go back. A plain link does it, in one tap without script or form;
    it affects nothing but the look of the pages."""
    back = request.GET.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    chosen = {"text": TEXT_SIZES, "language": tuple(dict(settings.LANGUAGES))}
    for name, known in chosen.items():
        value = request.GET.get(name, "")
        if not value:
            continue
        if value not in known:
            raise InvalidValue(name, _("Choose one of: {values}.").format(values=", ".join(known)), value=value)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME if name == "language" else name,
            value,
            max_age=int(DEVICE_AGE.total_seconds()),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    response["Cache-Control"] = "no-store"
    return response


@page()
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "about.html")
