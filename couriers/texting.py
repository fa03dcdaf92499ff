"""A code of six digits in a text message, which shows that whoever names a phone has it in hand.

Nothing is stored: the code is a keyed digest of the phone and the current five minutes, and the code of the five minutes
before is still accepted. `SMS_BACKEND` says how it gets there: empty (nobody is asked for one), `console`, or `post
https://…` (one JSON document a message, to the operator's own address). No log holds phone or code, except the console if
that is chosen.
"""

import hashlib
import hmac
import sys
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext

from core import limits, notices
from core.limits import Limit
from couriers import sealing
from couriers.errors import CodeNotSent, CodeWrong
from couriers.phones import read_phone

__all__ = ["TRIES", "TRIES_A_DAY", "check_code", "is_on", "send_code"]

LIFE_S = 300
DIGITS = 6
SENT_A_MINUTE = Limit("sms-minute", calls=1, window_s=60)
SENT_A_DAY = Limit("sms-day", calls=5, window_s=86_400)
SENT_FOR_ONE_ADDRESS = Limit("sms-address", calls=60, window_s=3600)
# Out of a million codes. A code is valid for two windows at most, so ten tries; twenty a day.
TRIES = Limit("sms-tries", calls=5, window_s=LIFE_S)
TRIES_A_DAY = Limit("sms-tries-day", calls=20, window_s=86_400)
TRIES_OF_ONE_ADDRESS = Limit("sms-tries-address", calls=100, window_s=3600)


def is_on() -> bool:
    """Whether the operator has a way to send codes."""
    return bool(settings.SMS_BACKEND)


def send_code(*, phone: str, address: str, at: datetime) -> None:
    """Send the current code to `phone`, whoever has it.

    Raises: InvalidValue, TooMany, CodeNotSent.
    """
    number = read_phone(phone)
    key = sealing.index(number)
    limits.enforce(SENT_FOR_ONE_ADDRESS, key=address, at=at)
    limits.enforce(SENT_A_MINUTE, key=key, at=at)
    limits.enforce(SENT_A_DAY, key=key, at=at)
    code = _code(key, int(at.timestamp()) // LIFE_S)
    text = gettext("Jiangcheng Fengchao: your code is {code}. Tell it to nobody.").format(code=code)
    kind, _blank, way = settings.SMS_BACKEND.partition(" ")
    if kind == "console":
        sys.stderr.write(f"{number}: {text}\n")
        return
    try:
        notices.post(way, {"phone": number, "code": code, "text": text})
    except notices.NotSent as error:
        raise CodeNotSent from error


def check_code(*, phone: str, code: str, address: str, at: datetime) -> None:
    """Let the caller pass if he read the message. Each try is counted first, so do not call it inside a transaction that
    may be rolled back.

    Raises: InvalidValue, TooMany, CodeWrong.
    """
    key = sealing.index(read_phone(phone))
    limits.enforce(TRIES_OF_ONE_ADDRESS, key=address, at=at)
    limits.enforce(TRIES, key=key, at=at)
    limits.enforce(TRIES_A_DAY, key=key, at=at)
    now = int(at.timestamp()) // LIFE_S
    said = code.strip().encode("utf-8", "replace")
    if not any(hmac.compare_digest(said, _code(key, window).encode()) for window in (now, now - 1)):
        raise CodeWrong


def _code(key: str, window: int) -> str:
    digest = hmac.new(settings.SECRET_KEY.encode(), f"sms {key} {window}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**DIGITS:0{DIGITS}}"
