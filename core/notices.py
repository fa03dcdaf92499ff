"""What staff are told outside the program: rows written with the change, sent by the worker after its commit.

`NOTIFY` says where to: `console`, `post https://…` (one JSON document a notice), or `wecom https://…` (the address of a
企业微信 group robot, which holds its key). A notice that cannot be sent is retried for more than a day, then given up and
listed in the admin. Source of the robot's format: https://developer.work.weixin.qq.com/document/path/91770
"""

import http.client
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from core import clock
from core.models import Notice

__all__ = ["MOST_ATTEMPTS", "NotSent", "add", "post", "purge", "retry_after", "send_due"]

logger = logging.getLogger(__name__)

TIMEOUT_S = 10
BATCH = 50
MOST_ATTEMPTS = 12
KEPT_FOR = timedelta(days=90)


class NotSent(Exception):
    """The other side did not take it. The message holds no address, since a robot's address is its key."""


def add(*, matter: str, text: str, recipients: Collection[str], at: datetime, path: str = "") -> bool:
    """Write a notice, inside the caller's transaction; False if this matter was reported today already.

    `matter` is a kind and a code, such as "station.doubted WH-WC-0001"; `recipients` are account names.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_notice"
            " (matter, day, text, path, recipients, created_at, attempts, next_attempt_at, last_error)"
            " VALUES (%s, %s, %s, %s, %s, %s, 0, %s, '') ON CONFLICT (matter, day) DO NOTHING",
            [matter, clock.local_date(at), text, path, sorted(set(recipients)), at, at],
        )
        return bool(cursor.rowcount == 1)


def send_due(*, now: datetime) -> int:
    """Send what is due; answer how many were sent. The worker's job.

    One transaction a notice, its row locked and skipped by other workers: a worker that dies sends one twice at most.
    """
    sent = 0
    for _each in range(BATCH):
        with transaction.atomic():
            notice = (
                Notice.objects.select_for_update(skip_locked=True)
                .filter(next_attempt_at__lte=now)
                .order_by("next_attempt_at", "pk")
                .first()
            )
            if notice is None:
                break
            sent += _try(notice, now=now)
    return sent


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Delete notices that were sent, or given up, so long ago that nobody asks any more; return how many."""
    past = Notice.objects.filter(next_attempt_at=None, created_at__lt=now - KEPT_FOR)
    return past.count() if dry_run else past.delete()[0]


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed tries: a minute, doubling up to six hours; None to give up."""
    return None if attempts >= MOST_ATTEMPTS else min(timedelta(minutes=2 ** (attempts - 1)), timedelta(hours=6))


def _try(notice: Notice, *, now: datetime) -> bool:
    notice.attempts += 1
    try:
        _sender()(notice)
    except NotSent as error:
        wait = retry_after(notice.attempts)
        notice.next_attempt_at, notice.last_error = (None if wait is None else now + wait), str(error)[:300]
        logger.warning("Notice %s was not sent (try %s): %s", notice.pk, notice.attempts, error)
    else:
        notice.sent_at, notice.next_attempt_at, notice.last_error = now, None, ""
    notice.save(update_fields=["attempts", "sent_at", "next_attempt_at", "last_error"])
    return notice.sent_at is not None


# ── The ways out ────────────────────────────────────────────────────────────────────────────────────────────────────


def _sender() -> Callable[[Notice], None]:
    kind, _, address = settings.NOTIFY.partition(" ")
    match kind:
        case "post":
            return lambda notice: _post_document(address, notice)
        case "wecom":
            return lambda notice: _wecom(address, notice)
        case _:
            return lambda notice: logger.warning("%s", _as_text(notice))


def _link(notice: Notice) -> str:
    return settings.PUBLIC_BASE_URL.rstrip("/") + notice.path if notice.path else ""


def _as_text(notice: Notice) -> str:
    return "\n".join(filter(None, (notice.text, _link(notice), "、".join(notice.recipients))))


def _post_document(address: str, notice: Notice) -> None:
    post(
        address,
        {
            "id": notice.pk,
            "matter": notice.matter,
            "text": notice.text,
            "url": _link(notice),
            "recipients": notice.recipients,
            "created_at": notice.created_at.isoformat(),
        },
    )


def _wecom(address: str, notice: Notice) -> None:
    answer = post(address, {"msgtype": "text", "text": {"content": _as_text(notice)}})
    try:
        code = json.loads(answer)["errcode"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotSent("The robot's answer cannot be read.") from error
    if code != 0:
        raise NotSent(f"The robot refused it with errcode {code}.")


def post(address: str, document: dict[str, object]) -> bytes:
    """Send one JSON document to the operator's own address; what was answered comes back.   Raises: NotSent."""
    request = urllib.request.Request(  # noqa: S310 - the operator's own address, https by config.E002
        address,
        data=json.dumps(document, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "jiangcheng-fengchao"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            return bytes(response.read(10_000))
    except urllib.error.HTTPError as error:
        raise NotSent(f"The other side answered {error.code}.") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotSent(f"No answer ({type(error).__name__}).") from error
