"""The code at a station's gift cabinet: scanned with a phone it says that the phone is there.

It is derived from the door's code, so a station that gets a new door code gets a new cabinet code too.
"""

import hmac

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import NotFound
from points.errors import StationNotOpen
from stations.models import Station

__all__ = ["station_of", "token_of"]

SYMBOLS = 16  # of a hexadecimal digest: 64 bits, and no clock against which to guess


def token_of(station: Station) -> str:
    """What follows /c/ in the cabinet's code, such as WH-WC-0001-3f2a…. It is a key: only for those who keep the station."""
    proof = hmac.digest(settings.SECRET_KEY.encode(), f"cabinet {station.door_token}".encode(), "sha256").hex()
    return f"{station.code}-{proof[:SYMBOLS]}"


def station_of(token: str) -> Station:
    """The station whose cabinet has this code.   Raises: NotFound; StationNotOpen if it is suspended or closed."""
    code, _dash, _proof = token.rpartition("-")
    station = Station.objects.select_related("division").exclude(status="draft").filter(code=code.upper()).first()
    if station is None or not hmac.compare_digest(token_of(station).encode(), token.encode()):
        raise NotFound(_("This code is no longer valid. Show your pass to the steward instead."))
    if station.status != Station.Status.PUBLISHED:
        raise StationNotOpen
    return station
