"""Where a request comes from, as far as that can be trusted; and our own addresses, to be printed or scanned."""

import hashlib
import hmac
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

__all__ = ["absolute", "address_key", "client_address"]


def client_address(request: HttpRequest) -> str:
    """The caller's network address.

    X-Forwarded-For is read only as far as our own proxies write it: each appends the address that called it, so with
    TRUSTED_PROXY_COUNT proxies the caller is that many from the right; anything further left may have been made up by anybody.
    """
    proxies = settings.TRUSTED_PROXY_COUNT
    if proxies:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= proxies:
            return str(hops[-proxies])
    return str(request.META.get("REMOTE_ADDR", ""))


def address_key(request: HttpRequest) -> str:
    """A keyed digest of the address, for counters: the tables hold nobody's address."""
    address = _connection_of(client_address(request)).encode()
    return hmac.new(settings.SECRET_KEY.encode(), b"address " + address, hashlib.sha256).hexdigest()[:32]


def _connection_of(text: str) -> str:
    """What a provider gives to one connection: an IPv4 address, or an IPv6 network, in which a phone picks any of 2^64
    addresses. Anything else stays as it is.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return text
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))


def absolute(request: HttpRequest, path: str) -> str:
    """An address of ours as it is printed or scanned."""
    return settings.PUBLIC_BASE_URL.rstrip("/") + path if settings.PUBLIC_BASE_URL else request.build_absolute_uri(path)
