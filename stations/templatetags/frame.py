"""Parts of the frame that are the same on every page of one language, and what stays together at the end of a line."""

from functools import lru_cache

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from stations.views.wording import station_name

__all__ = ["fixed", "station_name", "unbroken"]

register = template.Library()
register.filter("station_name", station_name)


@register.filter
def unbroken(moment: object) -> SafeString:
    """A day or a moment, all of it on one line."""
    return format_html('<span class="unbroken">{}</span>', moment)


@register.simple_tag
def fixed(template_name: str) -> SafeString:
    """A template that says the same on every page, rendered once for each language and process."""
    return (_fresh if settings.DEBUG else _kept)(template_name, get_language() or "")


def _fresh(template_name: str, language: str) -> SafeString:  # noqa: ARG001 - part of the key of what is kept
    return render_to_string(template_name)


_kept = lru_cache(maxsize=20)(_fresh)
