"""Icons from the one sprite. An icon never stands alone: the word is beside it, so the icon is hidden from readers."""

from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

__all__ = ["AMENITY_ICONS", "amenity_icon", "icon"]

register = template.Library()

# Amenities with a drawing of their own; staff may add others, which get the plain one.
AMENITY_ICONS = frozenset(
    {
        "air-conditioning", "battery-swap", "clothes-drying", "film", "first-aid", "fridge", "gift-counter", "heating",
        "hot-water", "microwave", "phone-charging", "rain-shelter", "reading", "repair-tools", "seats", "toilet",
        "umbrella", "wifi",
    }
)  # fmt: skip


@register.simple_tag
@lru_cache(maxsize=200)
def icon(name: str) -> SafeString:
    """The icon `name` of static/icons/icons.svg."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons/icons.svg"), name
    )


@register.simple_tag
def amenity_icon(code: str) -> SafeString:
    """The icon of an amenity."""
    return icon(code if code in AMENITY_ICONS else "amenity")
