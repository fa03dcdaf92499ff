"""What a partner's program may ask of itself."""

from rest_framework.request import Request
from rest_framework.response import Response

from core.api.scoped import ScopedView
from core.api.scopes import ANY_KEY

__all__ = ["Whoami"]


class Whoami(ScopedView):
    """Who the key belongs to and what it may do: the first call of an integration, and its self-test."""

    required_scopes = {"GET": ANY_KEY}

    def get(self, request: Request) -> Response:  # noqa: ARG002 - every view takes it
        caller = self.caller
        return Response(
            {
                "client": {"code": caller.code, "name": caller.name},
                "kind": "sandbox" if caller.is_sandbox else "live",
                "scopes": sorted(caller.scopes),
                "divisions": caller.divisions,
                "calls_per_minute": caller.calls_per_minute,
                "key": {"prefix": caller.key_prefix, "expires_at": caller.key_expires_at},
                "at": self.now,
            }
        )
