"""How a partner's program shows who it is: `Authorization: Bearer <key>`, one header, nothing else."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core import clock
from core.api.callers import Caller
from core.api.errors import AuthorizationRepeated, KeyMalformed
from partners import keys

__all__ = ["BearerAuthentication"]


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """The caller as `request.auth`; None without the header.   Raises: what keys.authenticate raises."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        # Servers join repeated headers with a comma; a key holds none.
        if "," in header:
            raise AuthorizationRepeated
        scheme, _space, text = header.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise KeyMalformed
        key = keys.authenticate(text.strip(), at=clock.now())
        client = key.client
        caller = Caller(
            code=client.code,
            name=client.name,
            scopes=frozenset(client.scopes),
            divisions=tuple(key.division_codes),  # type: ignore[attr-defined]
            is_sandbox=client.is_sandbox,
            calls_per_minute=client.calls_per_minute,
            key_prefix=key.prefix,
            key_expires_at=key.expires_at,
        )
        return None, caller
