"""Keys: shown once when they are issued, revoked at once, and recognised by their digest.

A key reads fc_live_<prefix>_<secret>, or fc_sandbox_…. The prefix finds it and may be shown; the secret has 238 bits, so a
fast digest is enough.
"""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from core import audit, clock, limits, prepared
from core.api.callers import Caller
from core.api.errors import ClientInactive, KeyExpired, KeyMalformed, KeyRevoked, KeyUnknown
from core.limits import Limit
from core.models import User
from partners.errors import KeysChangedMeanwhile, LifeTooLong, ReasonMissing, TwoKeysLive
from partners.models import LONGEST_LIFE, ApiKey, Client

__all__ = ["LIVING_AT_MOST", "Issued", "authenticate", "issue", "revoke"]

LIVING_AT_MOST = 2
_KEY = re.compile(r"fc_(?:live|sandbox)_([a-z0-9]{10})_[A-Za-z0-9]{40}", re.ASCII)
_PREFIX_SYMBOLS = string.ascii_lowercase + string.digits
_SECRET_SYMBOLS = string.ascii_letters + string.digits
# Compared with if no key has the prefix, so that an unknown prefix takes as much work as a wrong secret.
_NO_DIGEST = "0" * 64
# How often one program may call, all its keys together.
_LIMIT, _WINDOW_S = "api", 60


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
    """Make a key for `client` that is valid for `days`. `keys_seen` is how many keys, expired and revoked ones included,
    the requester saw.

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
    """Refuse `key` from the next request on, for good. A key that is revoked already stays as it is.

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


def authenticate(text: str, *, at: datetime) -> Caller:
    """Who is calling with the valid key `text`; the same statement counts the call.

    Only somebody who has a key's secret learns that it exists.
    Raises: KeyMalformed, KeyUnknown, KeyRevoked, KeyExpired, ClientInactive; then nothing is counted.
    """
    found = _KEY.fullmatch(text)
    if not found:
        raise KeyMalformed
    digest = _digest(text)
    key = _shown(found[1], digest, at)
    is_right = hmac.compare_digest(digest, key.digest if key else _NO_DIGEST)
    if key is None or not is_right:
        raise KeyUnknown
    if key.revoked_at is not None:
        raise KeyRevoked
    if key.expires_at <= at:
        raise KeyExpired
    if not key.is_active:
        raise ClientInactive
    assert key.calls is not None  # noqa: S101 - what is accepted was counted
    _note_use(key, at)
    return Caller(
        code=key.code,
        name=key.name,
        scopes=frozenset(key.scopes),
        divisions=tuple(key.division_codes),
        is_sandbox=key.kind == Client.Kind.SANDBOX,
        calls_per_minute=key.calls_per_minute,
        key_prefix=key.prefix,
        key_expires_at=key.expires_at,
        counted=limits.counted(Limit(_LIMIT, calls=key.calls_per_minute, window_s=_WINDOW_S), key.calls, at=at),
    )


class _Shown(NamedTuple):
    """A key as it is in the tables, with its client; `calls` are those of this minute, None if the key is not accepted."""

    pk: int
    prefix: str
    digest: str
    revoked_at: datetime | None
    expires_at: datetime
    last_used_on: date | None
    code: str
    name: str
    kind: str
    scopes: list[str]
    is_active: bool
    calls_per_minute: int
    division_codes: list[str]
    calls: int | None


_OF_KEY = ("pk", "prefix", "digest", "revoked_at", "expires_at", "last_used_on")
_OF_CLIENT = ("code", "name", "kind", "scopes", "is_active", "calls_per_minute")


def _shown(prefix: str, digest: str, at: datetime) -> _Shown | None:
    """The key with this prefix. Looked up before every keyed request, so Django builds the statement only once."""
    sql, values = _statement()
    own = {"prefix": prefix, "digest": digest, "at": at, **limits.values_of(_LIMIT, window_s=_WINDOW_S, at=at)}
    rows = prepared.fetch(sql, values | own, keep_plan=True)
    return _Shown(*rows[0]) if rows else None


@lru_cache
def _statement() -> tuple[str, dict[str, Any]]:
    columns = (*_OF_KEY, *(f"client__{name}" for name in _OF_CLIENT), "division_codes")
    asked = ApiKey.objects.with_divisions().filter(prefix=prepared.hole("prefix"))
    sql, values = prepared.compiled(asked.order_by().values_list(*columns))
    # Only calls that `authenticate` accepts are counted.
    accepted = (
        "SELECT code FROM shown WHERE digest = %(digest)s::varchar AND revoked_at IS NULL"
        " AND expires_at > %(at)s::timestamptz AND is_active"
    )
    names = ", ".join(_Shown._fields[:-1])
    whole = (
        f"WITH shown ({names}) AS ({sql}), counted AS ({limits.counting(accepted)})"  # noqa: S608 - no word from outside
        " SELECT shown.*, counted.calls FROM shown LEFT JOIN counted ON TRUE"
    )
    return whole, values


def _note_use(key: _Shown, at: datetime) -> None:
    """Keep the day of the last use: a key that nobody uses can be revoked. One write a day, not one a request."""
    today = clock.local_date(at)
    if key.last_used_on is None or key.last_used_on < today:
        unwritten = Q(last_used_on__isnull=True) | Q(last_used_on__lt=today)
        ApiKey.objects.filter(unwritten, pk=key.pk).update(last_used_on=today)
