"""A station as schema.org says it, for search engines and maps: JSON-LD in a data block of the page."""

from datetime import time
from typing import Any

import orjson
from django.utils.safestring import SafeString, mark_safe

from stations.hours import HOLIDAY, Schedule
from stations.models import Station

__all__ = ["json_ld"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What would end the data block or begin a comment in HTML.
_ESCAPES = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def json_ld(
    station: Station, schedule: Schedule, *, url: str, district: str, subdistrict: str, amenities: list[str]
) -> SafeString:
    """The station as a schema.org Place. What is not known is left out."""
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
        "openingHoursSpecification": _weekly(schedule),
        "specialOpeningHoursSpecification": _special(schedule),
    }
    if station.has_position:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": station.latitude, "longitude": station.longitude}
    known = {name: value for name, value in place.items() if value not in (None, [])}
    return mark_safe(orjson.dumps(known).decode().translate(_ESCAPES))  # noqa: S308 - escaped for a data block


def _weekly(schedule: Schedule) -> list[dict[str, Any]]:
    rows = []
    for period in schedule.periods:
        for span in period.spans:
            row: dict[str, Any] = {
                "@type": "OpeningHoursSpecification",
                "dayOfWeek": [WEEKDAYS[day - 1] for day in sorted(span.days - {HOLIDAY})]
                + (["PublicHolidays"] if HOLIDAY in span.days else []),
                "opens": f"{span.opens:%H:%M}",
                "closes": _closes(span.opens, span.closes),
            }
            # A season of every year has no place in schema.org; the dates given are those of one year.
            if period.valid_from is not None:
                row["validFrom"] = period.valid_from.isoformat()
            if period.valid_through is not None:
                row["validThrough"] = period.valid_through.isoformat()
            rows.append(row)
    return rows


def _closes(opens: time, closes: time) -> str:
    """schema.org takes opening and closing at one moment for closed, and writes 24 hours as up to 23:59."""
    return "23:59" if opens == closes else f"{closes:%H:%M}"


def _special(schedule: Schedule) -> list[dict[str, Any]]:
    return [
        {
            "@type": "OpeningHoursSpecification",
            "validFrom": row.starts_on.isoformat(),
            "validThrough": row.ends_on.isoformat(),
            "opens": f"{row.opens:%H:%M}" if row.opens is not None else "00:00",
            "closes": _closes(row.opens, row.closes) if row.opens is not None and row.closes is not None else "00:00",
        }
        for row in schedule.exceptions
    ]
