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
        """The caller as `request.auth`, the call counted; None without the header.   Raises: what keys.authenticate raises."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        # Servers join repeated headers with a comma; a key holds none.
        if "," in header:
            raise AuthorizationRepeated
        scheme, _space, text = header.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise KeyMalformed
        return None, keys.authenticate(text.strip(), at=clock.now())
