"""What a partner's program may ask of itself."""

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import contract
from core.api.contract import Operation
from core.api.scoped import ScopedView
from core.api.scopes import ANY_KEY
from partners.models import Client, Scope

__all__ = ["Whoami"]

WHOAMI = Operation(
    name="whoami",
    noun="callers",
    title=_("Who the key belongs to and what it may do"),
    meaning=_("The first call of an integration, and its self-test. Any living key may ask."),
    answer=contract.named(
        "Caller",
        contract.members(
            {
                "client": contract.members({"code": contract.text(), "name": contract.text()}, _("Your program.")),
                "kind": contract.choice(Client.Kind.values, _("A sandbox key writes at made-up stations alone.")),
                "scopes": contract.listing(contract.choice(Scope.values), _("What it may do, by noun and verb.")),
                "divisions": contract.listing(
                    contract.text(), _("Where it may act, and in all that lies inside; 4201 is the whole city.")
                ),
                "calls_per_minute": contract.whole(minimum=1),
                "key": contract.members(
                    {"prefix": contract.text(), "expires_at": contract.instant()}, _("The key that was sent.")
                ),
                "at": contract.instant(),
            }
        ),
    ),
)


class Whoami(ScopedView):
    """Who the key belongs to and what it may do: the first call of an integration, and its self-test."""

    operations = {"GET": WHOAMI}
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
