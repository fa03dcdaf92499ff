"""What makes the pages an app on a phone: the manifest, the service worker and the page shown without signal."""

import json
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

__all__ = ["manifest", "offline", "service_worker"]

WORKER = Path(settings.BASE_DIR) / "static" / "js" / "service_worker.js"
# What every page needs to look right without signal.
FILES = ("css/site.css", "js/site.js", "icons/app.svg")
# Offline copies of pages are kept on the phone, but never of those that only staff, programs or one courier see, or of the
# secret URLs of doors and cabinets.
NEVER_KEPT = (
    "/admin/",
    "/api/",
    "/c/",
    "/counter/",
    "/d/",
    "/me/",
    "/pin/",
    "/i18n/",
    "/preferences/",
    "/sw.js",
    "/livez",
    "/readyz",
)


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The worker, at the root because it controls only the URLs below its own. A browser always asks for it anew."""
    files = [static(name) for name in FILES]
    worker = {
        "version": getattr(staticfiles_storage, "manifest_hash", "") or "development",
        "static": settings.STATIC_URL,
        "files": files,
        "offline": reverse("stations:offline"),
        "never": NEVER_KEPT,
    }
    script = f"const SETTINGS = {json.dumps(worker)};\n{WORKER.read_text(encoding='utf-8')}"
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Service-Worker-Allowed"] = "/"
    return response


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Name, colours and icons on the phone's home screen, in the language of the page. Source: W3C Web App Manifest."""
    response = JsonResponse(
        {
            "id": "/",
            "name": _("Jiangcheng Fengchao: rest stations for couriers"),
            "short_name": _("Fengchao"),
            "description": _("The nearest rest station that is open now and has what you need."),
            "lang": "zh-Hans" if get_language() == "zh-hans" else "en",
            "start_url": reverse("stations:finder"),
            "scope": "/",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#f5b301",
            "icons": [
                {"src": static("icons/app-192.png"), "sizes": "192x192", "type": "image/png"},
                {"src": static("icons/app-512.png"), "sizes": "512x512", "type": "image/png"},
                {
                    "src": static("icons/app-maskable-512.png"),
                    "sizes": "512x512",
                    "type": "image/png",
                    "purpose": "maskable",
                },
                {"src": static("icons/app.svg"), "sizes": "any", "type": "image/svg+xml"},
            ],
        },
        json_dumps_params={"ensure_ascii": False},
        content_type="application/manifest+json",
    )
    response.headers["Cache-Control"] = "max-age=3600"
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the worker shows if there is no signal and no kept page."""
    return render(request, "stations/offline.html")
