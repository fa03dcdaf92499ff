"""Partner programs: registered, changed, switched off. None is ever deleted, since the trail names them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from core import audit
from core.models import User
from couriers.models import Courier
from partners.errors import DivisionsMissing
from partners.models import Client, Scope
from stations.access import CITY_CODE
from stations.models import Division

__all__ = ["ClientFacts", "change", "reaching", "register"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFacts:
    """What an office says about a program. Code and kind are set once, when it is registered."""

    name: str
    contact: str
    divisions: Collection[Division]
    scopes: Collection[str]
    calls_per_minute: int = 120
    is_active: bool = True


def _told(client: Client) -> dict[str, Any]:
    """What the trail records about a client."""
    return {
        "name": client.name,
        "contact": client.contact,
        "divisions": sorted(client.divisions.values_list("code", flat=True)),
        "scopes": sorted(client.scopes),
        "calls_per_minute": client.calls_per_minute,
        "is_active": client.is_active,
    }


def _take(client: Client, facts: ClientFacts) -> None:
    if not facts.divisions:
        raise DivisionsMissing
    client.name, client.contact = facts.name, facts.contact
    client.scopes = sorted(set(facts.scopes))
    client.calls_per_minute, client.is_active = facts.calls_per_minute, facts.is_active
    client.save()
    client.divisions.set(facts.divisions)


@transaction.atomic
def register(*, code: str, kind: str, facts: ClientFacts, at: datetime, actor: User | str) -> Client:
    """Raises: DivisionsMissing."""
    client = Client(code=code, kind=kind, made_at=at)
    _take(client, facts)
    audit.record(
        "client.registered", subject=("client", code), actor=actor, at=at, data={"kind": kind, **_told(client)}
    )
    return client


@transaction.atomic
def change(*, client: Client, facts: ClientFacts, at: datetime, actor: User | str) -> Client:
    """Raises: DivisionsMissing.   Locks: Client."""
    client = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    before = _told(client)
    _take(client, facts)
    after = _told(client)
    changed = {name: {"before": before[name], "after": after[name]} for name in before if before[name] != after[name]}
    if changed:
        audit.record("client.changed", subject=("client", client.code), actor=actor, at=at, data={"changed": changed})
    return client


def reaching(courier: Courier) -> dict[str, str]:
    """The live programs that could look this courier up if he agreed, their names by code."""
    code = str(courier.division_id)
    above = [code[:digits] for digits in range(len(CITY_CODE), len(code) + 1)]
    found = Client.objects.filter(
        kind=Client.Kind.LIVE, is_active=True, scopes__contains=[Scope.COURIERS_READ], divisions__in=above
    )
    return dict(found.distinct().order_by("code").values_list("code", "name"))
