"""The code at a station's gift cabinet: scanned with a phone it says that the phone is there.

It is worked out from the code of the door, so whoever gives the station's door a new one gives its cabinet a new one too.
"""

import hmac

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import NotFound
from stations.models import Station

__all__ = ["station_of", "token_of"]

SYMBOLS = 16  # of a hexadecimal digest: 64 bits, and no clock against which to guess


def token_of(station: Station) -> str:
    """What stands behind /c/ in the cabinet's code, such as WH-WC-0001-3f2a….  A key: for those who keep the station."""
    proof = hmac.digest(settings.SECRET_KEY.encode(), f"cabinet {station.door_token}".encode(), "sha256").hex()
    return f"{station.code}-{proof[:SYMBOLS]}"


def station_of(token: str) -> Station:
    """The station at whose cabinet the code stands.   Raises: NotFound."""
    code, _dash, _proof = token.rpartition("-")
    station = Station.objects.select_related("division").published().filter(code=code.upper()).first()
    if station is None or not hmac.compare_digest(token_of(station).encode(), token.encode()):
        raise NotFound(_("This code is no longer valid. Show your pass to the steward instead."))
    return station
