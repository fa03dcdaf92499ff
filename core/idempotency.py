"""A write that is sent twice is done once: the second request gets the answer of the first.

The key's row is written in the transaction of the effect, so either both exist or neither. A twin that arrives while the
first is being worked on waits on the unique constraint. Only answers that stay true of this request are kept: what was
done, and refusals by our own rules. A request that was wrong, unauthorised, too frequent or met a fault of ours is
forgotten, so that it can be corrected and sent again under its key.
Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import hmac
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils.translation import gettext_lazy as _

from core import prepared
from core.errors import SelfExplained
from core.models import IdempotentRequest

__all__ = [
    "KEPT_FOR",
    "Answer",
    "DatabaseBusy",
    "KeyForAnotherRequest",
    "KeyInvalid",
    "KeyNotGiven",
    "Memo",
    "TwinInFlight",
    "blank",
    "digest",
    "is_kept",
    "once",
    "once_in_one_call",
    "op_id",
    "purge",
    "read_key",
]

KEPT_FOR = timedelta(days=30)
# How long a twin waits for the first, and a verb for a row that another holds.
PATIENCE_S = 2
TRIES = 3
# Visible ASCII without quotes and backslash, and without the comma by which servers join repeated headers.
_KEY = re.compile(r'[!#-+\--\[\]-~]{1,100}|"([!#-+\--\[\]-~]{1,100})"', re.ASCII)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_LOCK_NOT_AVAILABLE = "55P03"
_KEY_IS_UNIQUE = "core_idempotentrequest_client_key_uniq"
# A serialization failure, a deadlock, a lock that was not granted in time: what may succeed a moment later.
_PASSING = {"40001", "40P01", _LOCK_NOT_AVAILABLE}


class KeyNotGiven(SelfExplained):
    code, status = "idempotency_key_missing", 400
    title = _("Every write needs an Idempotency-Key.")
    way_out = _("Send one new random text for each thing done, and the same one for its repetitions.")


class KeyInvalid(SelfExplained):
    code, status = "idempotency_key_invalid", 400
    title = _("This is no Idempotency-Key.")
    way_out = _("Send one of 1 to 100 visible ASCII characters, such as a UUID.")


class KeyForAnotherRequest(SelfExplained):
    code, status = "idempotency_key_reused", 422
    title = _("This Idempotency-Key was used for another request.")
    way_out = _("Take a new key for a new request.")


class TwinInFlight(SelfExplained):
    code, status = "twin_in_flight", 409
    title = _("The same request is still at work.")
    way_out = _("Wait and send it again with the same key.")


class DatabaseBusy(SelfExplained):
    code, status = "busy", 503
    title = _("Too much is being done here at this moment.")
    way_out = _("Nothing was done. Wait and send the request again with the same key.")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was, or will be, sent: status and body to the byte."""

    status: int
    body: bytes
    is_replayed: bool = False


class Memo:
    """The answer to a write, prepared before the write is done, for a verb whose single database call keeps it together
    with the effect. Afterwards `is_kept` says whether the call has kept it.
    """

    def __init__(self, *, client: str, key: str, digest: str, render: Callable[[Any], bytes]) -> None:
        """`render` makes the body of what the verb is about to write."""
        self.client, self.key, self.digest = client, key, digest
        self.is_kept = False
        self._render = render
        self._answer: Answer | None = None

    def row_for(self, made: Any) -> tuple[str, str, str, int, bytes]:
        """What the call is to keep: client, key, digest, status and body."""
        self._answer = Answer(201, self._render(made))
        return self.client, self.key, self.digest, self._answer.status, self._answer.body

    def answer_for(self, made: Any) -> Answer:
        """The answer that was kept; or, if the work had been done before, which could not be foreseen, the answer to that."""
        if self.is_kept and self._answer is not None:
            return self._answer
        return Answer(201, self._render(made))


def read_key(header: str | None) -> str:
    """The key, with or without the quotes of a structured field.   Raises: KeyNotGiven, KeyInvalid."""
    if not header:
        raise KeyNotGiven
    found = _KEY.fullmatch(header)
    if not found:
        raise KeyInvalid
    return found[1] or found[0]


def digest(method: str, path: str, body: dict[str, Any]) -> str:
    """What makes two requests the same: HMAC-SHA256 of method, address and body, however its members were ordered.

    Keyed with the program's secret, since a body may hold a phone number or a PIN, which could be found by trying them all.
    """
    canonical = _CANONICAL.encode(body)
    return hmac.digest(settings.SECRET_KEY.encode(), f"{method} {path}\n{canonical}".encode(), "sha256").hex()


def op_id(client: str, key: str) -> uuid.UUID:
    """The permanent name of what `client` asks for under `key`; it is still known when the answer is long forgotten."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"idempotent:{client}:{key}")


def is_kept(status: int) -> bool:
    """Whether an answer is given again to a repetition."""
    return status < 300 or (400 <= status < 500 and status not in {400, 401, 403, 429})


def once(*, client: str | None, key: str, digest: str, effect: Callable[[], Answer], at: datetime) -> Answer:
    """Do `effect` unless `client` has sent `key` before; then give that answer again.

    Raises: KeyForAnotherRequest, TwinInFlight, DatabaseBusy, and what `effect` raises: then nothing is kept.
    Locks: the key, for as long as `effect` takes, then what `effect` locks.
    """
    return _patiently(lambda: _tried(client=client, key=key, digest=digest, effect=effect, at=at))


def once_in_one_call(*, memo: Memo, effect: Callable[[], Answer], at: datetime) -> Answer:
    """Like `once`, for an `effect` that writes by a single database call, which keeps `memo` along with it.

    No transaction is open between two statements. The call itself writes the key: a second request fails on it, is undone
    as a whole, and gets the answer of the first. A refusal has done nothing, so its answer is kept by a statement of its
    own; a second refusal there gets the first one's answer as well. So no kept answer is looked for beforehand, which would
    help only repetitions.
    Raises: as `once`.   Locks: what `effect` locks, then the key.
    """
    return _patiently(lambda: _tried_in_one_call(memo, effect, at))


def _patiently(work: Callable[[], Answer]) -> Answer:
    """Try again if what went wrong is temporary.   Raises: DatabaseBusy."""
    for left in reversed(range(TRIES)):
        try:
            return work()
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", "") not in _PASSING:
                raise
            if not left:
                raise DatabaseBusy(retry_after_s=PATIENCE_S) from error
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - so that two do not meet again
    raise AssertionError("the last try answers or raises")


def _tried_in_one_call(memo: Memo, effect: Callable[[], Answer], at: datetime) -> Answer:
    try:
        # Inside another's transaction a failure must leave that whole.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            answer = effect()
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) != _KEY_IS_UNIQUE:
            raise
        answer = None
    if answer is not None and (memo.is_kept or _keep(memo, answer, at)):
        return answer
    known = _known(memo.client, memo.key, memo.digest)
    assert known is not None  # noqa: S101 - it stood in the way, and was committed
    return known


def _known(client: str, key: str, digest: str) -> Answer | None:
    """The answer that was given under this key.   Raises: KeyForAnotherRequest."""
    rows = prepared.fetch(
        "SELECT request_digest, status, body FROM core_idempotentrequest"
        " WHERE client = %(client)s::varchar AND key = %(key)s::varchar",
        {"client": client, "key": key},
        keep_plan=True,
    )
    if not rows:
        return None
    [(known_digest, status, body)] = rows
    if known_digest != digest:
        raise KeyForAnotherRequest
    return Answer(status, bytes(body), is_replayed=True)


def _keep(memo: Memo, answer: Answer, at: datetime) -> bool:
    """Keep an answer; False if there is one already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_idempotentrequest (client, key, request_digest, status, body, made_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [memo.client, memo.key, memo.digest, answer.status, answer.body, at],
        )
        return bool(cursor.rowcount)


@transaction.atomic
def _tried(*, client: str | None, key: str, digest: str, effect: Callable[[], Answer], at: datetime) -> Answer:
    row_id = _claimed(client, key, digest, at)
    if row_id is None:
        # Statements see what was committed before them, so the row that was in the way is visible.
        known = IdempotentRequest.objects.get(client=client, key=key)
        if known.request_digest != digest:
            raise KeyForAnotherRequest
        return Answer(known.status, bytes(known.body), is_replayed=True)
    answer = effect()
    IdempotentRequest.objects.filter(pk=row_id).update(status=answer.status, body=answer.body)
    return answer


def _claimed(client: str | None, key: str, digest: str, at: datetime) -> int | None:
    """The new row of this key; None if there is one already. A twin at work is waited for, `PATIENCE_S` at most."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                "SET LOCAL lock_timeout = %s;"
                " INSERT INTO core_idempotentrequest (client, key, request_digest, status, body, made_at)"
                " VALUES (%s, %s, %s, 0, '', %s) ON CONFLICT DO NOTHING RETURNING id",
                [f"{PATIENCE_S}s", client, key, digest, at],
            )
            row = cursor.fetchone()
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", "") == _LOCK_NOT_AVAILABLE:
                raise TwinInFlight(retry_after_s=PATIENCE_S) from error
            raise
    return None if row is None else int(row[0])


@transaction.atomic
def blank(*, codes: Iterable[str], members: Iterable[str]) -> int:
    """Empty `members` in each kept answer about one of `codes`; return in how many.

    The rows stay, so that a repetition does nothing a second time. All kept answers are read, so this is for rare events.
    """
    wanted, blanked = {f'"{code}"': code for code in codes}, 0
    tells = " OR ".join("position(%s::bytea IN body) > 0" for _code in wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, body FROM core_idempotentrequest WHERE status = 201 AND ({tells})",  # noqa: S608 - no word from outside
            [quoted.encode() for quoted in wanted],
        )
        rows = cursor.fetchall()
    for row_id, body in rows:
        told = json.loads(bytes(body))
        if told.get("code") in wanted.values():
            told |= {member: "" for member in members if member in told}
            emptied = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
            blanked += IdempotentRequest.objects.filter(pk=row_id).update(body=emptied)
    return blanked


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Forget the answers of more than 30 days ago; answer how many. The worker's job."""
    past = IdempotentRequest.objects.filter(made_at__lt=now - KEPT_FOR)
    return past.count() if dry_run else past.delete()[0]
