"""Keys: issued once shown once, revoked at once, and recognised by their digest.

A key reads fc_live_<prefix>_<secret>, or fc_sandbox_…. The prefix finds it and may be shown; the secret has 238 bits, so a
fast digest is enough.
"""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from core import audit, clock, prepared
from core.api.errors import ClientInactive, KeyExpired, KeyMalformed, KeyRevoked, KeyUnknown
from core.models import User
from partners.errors import KeysChangedMeanwhile, LifeTooLong, ReasonMissing, TwoKeysLive
from partners.models import LONGEST_LIFE, ApiKey, Client

__all__ = ["LIVING_AT_MOST", "Issued", "authenticate", "issue", "revoke"]

LIVING_AT_MOST = 2
_KEY = re.compile(r"fc_(?:live|sandbox)_([a-z0-9]{10})_[A-Za-z0-9]{40}", re.ASCII)
_PREFIX_SYMBOLS = string.ascii_lowercase + string.digits
_SECRET_SYMBOLS = string.ascii_letters + string.digits
# Compared with where no key has the prefix, so that an unknown prefix takes the work of a wrong secret.
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key with its text, which nobody can read again."""

    key: ApiKey
    text: str


def _chosen(symbols: str, length: int) -> str:
    return "".join(secrets.choice(symbols) for _each in range(length))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def issue(*, client: Client, at: datetime, actor: User | str, days: int = 365, keys_seen: int | None = None) -> Issued:
    """Make a key for `client` that lives `days`. `keys_seen` is how many keys, dead ones too, the asker saw.

    Raises: LifeTooLong, KeysChangedMeanwhile, TwoKeysLive.   Locks: Client.
    """
    if not 1 <= days <= LONGEST_LIFE.days:
        raise LifeTooLong
    client = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if keys_seen is not None and client.keys.count() != keys_seen:
        raise KeysChangedMeanwhile
    if client.keys.living(at=at).count() >= LIVING_AT_MOST:  # type: ignore[attr-defined]
        raise TwoKeysLive
    prefix = _chosen(_PREFIX_SYMBOLS, 10)
    text = f"fc_{client.kind}_{prefix}_{_chosen(_SECRET_SYMBOLS, 40)}"
    key = ApiKey.objects.create(
        client=client, prefix=prefix, digest=_digest(text), made_at=at, expires_at=at + timedelta(days=days)
    )
    audit.record(
        "client.key-issued",
        subject=("client", client.code),
        actor=actor,
        at=at,
        data={"prefix": prefix, "expires_at": clock.to_local(key.expires_at).isoformat(timespec="minutes")},
    )
    return Issued(key, text)


@transaction.atomic
def revoke(*, key: ApiKey, reason: str, at: datetime, actor: User | str) -> ApiKey:
    """Refuse `key` from the next request on, for good. What is revoked already stays as it is.

    Raises: ReasonMissing.   Locks: ApiKey.
    """
    if not reason.strip():
        raise ReasonMissing
    key = ApiKey.objects.select_for_update(of=("self",)).select_related("client").get(pk=key.pk)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        audit.record(
            "client.key-revoked",
            subject=("client", key.client.code),
            actor=actor,
            at=at,
            data={"prefix": key.prefix, "reason": reason.strip()},
        )
    return key


def authenticate(text: str, *, at: datetime) -> ApiKey:
    """The living key that reads `text`, with its client and `division_codes`, in one statement.

    That a key exists is told only to who has its secret.
    Raises: KeyMalformed, KeyUnknown, KeyRevoked, KeyExpired, ClientInactive.
    """
    found = _KEY.fullmatch(text)
    if not found:
        raise KeyMalformed
    key = _with_prefix(found[1])
    is_right = hmac.compare_digest(_digest(text), key.digest if key else _NO_DIGEST)
    if key is None or not is_right:
        raise KeyUnknown
    if key.revoked_at is not None:
        raise KeyRevoked
    if key.expires_at <= at:
        raise KeyExpired
    if not key.client.is_active:
        raise ClientInactive
    _note_use(key, at)
    return key


def _with_prefix(prefix: str) -> ApiKey | None:
    """The key with its client and `division_codes`. Asked before every keyed request, so Django makes the statement once."""
    sql, values = _statement()
    rows = prepared.fetch(sql, values | {"prefix": prefix}, keep_plan=True)
    if not rows:
        return None
    row, of_key = rows[0], len(_KEY_FIELDS)
    key = ApiKey.from_db(connection.alias, _KEY_FIELDS, row[:of_key])
    key.client = Client.from_db(connection.alias, _CLIENT_FIELDS, row[of_key:-1])
    key.division_codes = row[-1]  # type: ignore[attr-defined]
    return key


_KEY_FIELDS, _CLIENT_FIELDS = ([field.attname for field in model._meta.concrete_fields] for model in (ApiKey, Client))


@lru_cache
def _statement() -> tuple[str, dict[str, Any]]:
    columns = (*_KEY_FIELDS, *(f"client__{name}" for name in _CLIENT_FIELDS), "division_codes")
    asked = ApiKey.objects.with_divisions().filter(prefix=prepared.hole("prefix"))
    return prepared.compiled(asked.order_by().values_list(*columns))


def _note_use(key: ApiKey, at: datetime) -> None:
    """Keep the day of the last use: a key that nobody uses can be revoked. One write a day, not one a request."""
    today = clock.local_date(at)
    if key.last_used_on is None or key.last_used_on < today:
        unwritten = Q(last_used_on__isnull=True) | Q(last_used_on__lt=today)
        ApiKey.objects.filter(unwritten, pk=key.pk).update(last_used_on=today)
