"""A station in the terms of schema.org, for search engines and maps: JSON-LD in a data block of the page."""

from datetime import date
from typing import Any

import orjson
from django.utils.safestring import SafeString, mark_safe

from stations.hours import Schedule
from stations.hours_text import schema_org, schema_org_special
from stations.models import Station

__all__ = ["json_ld"]

# Characters that could end the data block or begin a comment in HTML.
_ESCAPES = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def json_ld(
    station: Station,
    schedule: Schedule,
    *,
    today: date,
    url: str,
    district: str,
    subdistrict: str,
    amenities: list[str],
) -> SafeString:
    """The station as a schema.org Place. What is not known is left out, and so are hours that are over."""
    place: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Place",
        "@id": url,
        "url": url,
        "identifier": station.code,
        "name": station.name,
        "alternateName": station.aliases or None,
        "telephone": station.phone or None,
        "publicAccess": True,
        "isAccessibleForFree": True,
        "address": {
            "@type": "PostalAddress",
            "addressCountry": "CN",
            "addressRegion": "湖北省",
            "addressLocality": "武汉市",
            "streetAddress": f"{district}{subdistrict}{station.address}{station.floor}",
        },
        "amenityFeature": [
            {"@type": "LocationFeatureSpecification", "name": name, "value": True} for name in amenities
        ],
        "openingHoursSpecification": schema_org(schedule, today=today),
        "specialOpeningHoursSpecification": schema_org_special(schedule.exceptions, today=today),
    }
    if station.has_position:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": station.latitude, "longitude": station.longitude}
    known = {name: value for name, value in place.items() if value not in (None, [])}
    return mark_safe(orjson.dumps(known).decode().translate(_ESCAPES))  # noqa: S308 - escaped for a data block
