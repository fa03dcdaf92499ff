"""The demo's partner: a sandbox program for the whole city, with a key made at random for this folder."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from core.errors import DomainError
from partners import clients, keys
from partners.clients import ClientFacts
from partners.models import ApiKey, Client, Scope
from stations.demo.seeding import require_demo
from stations.models import Division

__all__ = ["CODE", "DemoPartner", "keep"]

ACTOR = "demo_partner"
CODE = "demo-sandbox"
CITY = "4201"


@dataclass(frozen=True, slots=True)
class DemoPartner:
    client: Client
    key: str


@transaction.atomic
def keep(*, at: datetime) -> DemoPartner:
    """The demo's partner, made if it is missing; its key is in `var/demo_partner_key`, and is replaced when it is no longer
    valid.

    Raises: NoDemo.   Locks: the city's row, so that two runs at once agree on one key.
    """
    require_demo()
    city = Division.objects.select_for_update().get(pk=CITY)
    client = Client.objects.filter(code=CODE).first()
    facts = ClientFacts(
        name="演示程序", contact="本机演示，不联系任何人", divisions=[city], scopes=Scope.values, calls_per_minute=600
    )
    if client is not None and set(client.scopes) != set(Scope.values):
        # For a folder whose demo is older than one of the scopes.
        client = clients.change(client=client, facts=facts, at=at, actor=ACTOR)
    if client is None:
        client = clients.register(code=CODE, kind=Client.Kind.SANDBOX, facts=facts, at=at, actor=ACTOR)
    file: Path = settings.VAR_DIR / "demo_partner_key"
    text = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    try:
        with transaction.atomic():
            keys.authenticate(text, at=at)
            transaction.set_rollback(True)  # to look at a key is no call with it: a second start changes nothing
    except DomainError:
        for key in ApiKey.objects.living(at=at).filter(client=client):
            keys.revoke(key=key, reason="its text is not known in this folder", at=at, actor=ACTOR)
        text = keys.issue(client=client, at=at, actor=ACTOR).text
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(text + "\n", encoding="utf-8")
    return DemoPartner(client, text)
