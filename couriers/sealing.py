"""Names and phones under keys that are kept outside the database: sealed so that they can be opened, indexed so that they
can be found exactly.

A sealed value is the number of its key (one byte), a random nonce (16 bytes) and what AES-SIV (RFC 5297) makes of the
text, bound to the column it belongs to. Two equal names look different. The index of a phone is HMAC-SHA256 under a key of
its own, so that it is unique and can be found, and reveals nothing to somebody who has only the database.
"""

import base64
import binascii
import functools
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "Keys",
    "SealBroken",
    "index",
    "indexes",
    "is_newest",
    "keys",
    "opened",
    "opened_bytes",
    "sealed",
    "sealed_bytes",
]

SEAL_KEY_BYTES = 64  # AES-256 twice, as SIV wants it
INDEX_KEY_BYTES = 32
NONCE_BYTES = 16
HIGHEST_NUMBER = 255


class SealBroken(Exception):
    """A sealed value cannot be opened: its key is not here, or the value was changed or moved to another column."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The available keys. The newest seals and indexes; the older ones still open and find."""

    seals: dict[int, bytes]
    indexes: tuple[bytes, ...]

    @property
    def newest(self) -> int:
        return next(reversed(self.seals))


def keys() -> Keys:
    """The keys of the settings. Raises: ImproperlyConfigured where they are missing or cannot be read."""
    return _read(settings.COURIER_KEYS, settings.COURIER_INDEX_KEY, settings.COURIER_KEYS_MAY_BE_DERIVED)


@functools.lru_cache(maxsize=8)
def _read(seals: str, indexes: str, may_derive: bool) -> Keys:
    if not (seals and indexes) and not may_derive:
        raise ImproperlyConfigured("COURIER_KEYS and COURIER_INDEX_KEY are not set.")
    return Keys(
        _numbered(seals) if seals else {1: _derived("couriers.seal", SEAL_KEY_BYTES)},
        tuple(_decoded(text, "COURIER_INDEX_KEY", at_least=INDEX_KEY_BYTES) for text in indexes.split(","))
        if indexes
        else (_derived("couriers.index", INDEX_KEY_BYTES),),
    )


def _numbered(text: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for part in text.split(","):
        number, _colon, encoded = part.strip().partition(":")
        if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= HIGHEST_NUMBER) or int(number) in found:
            raise ImproperlyConfigured("COURIER_KEYS has a key without a number of its own from 1 to 255.")
        key = _decoded(encoded, "COURIER_KEYS", at_least=SEAL_KEY_BYTES)
        if len(key) != SEAL_KEY_BYTES:
            raise ImproperlyConfigured(f"COURIER_KEYS has a key that is not of {SEAL_KEY_BYTES} bytes.")
        found[int(number)] = key
    return found


def _decoded(text: str, name: str, *, at_least: int) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"{name} has a key that is not base64.") from error
    if len(key) < at_least:
        raise ImproperlyConfigured(f"{name} has a key of fewer than {at_least} bytes.")
    return key


def _derived(purpose: str, length: int) -> bytes:
    """For trials on one machine: no second secret to keep, and a different key in each folder."""
    return HKDF(SHA256(), length, salt=None, info=purpose.encode()).derive(settings.SECRET_KEY.encode())


def sealed(text: str, *, column: str) -> bytes:
    """`text` under the newest key, for `column`."""
    return sealed_bytes(text.encode(), column=column)


def sealed_bytes(data: bytes, *, column: str) -> bytes:
    """`data`, such as a file, under the newest key, for `column`."""
    at_hand = keys()
    nonce = secrets.token_bytes(NONCE_BYTES)
    body = AESSIV(at_hand.seals[at_hand.newest]).encrypt(data, [column.encode(), nonce])
    return bytes([at_hand.newest]) + nonce + body


def opened(value: bytes | memoryview, *, column: str) -> str:
    """What `value` seals. Raises: SealBroken."""
    try:
        return opened_bytes(value, column=column).decode()
    except UnicodeDecodeError as error:
        raise SealBroken("This value does not open with its key.") from error


def opened_bytes(value: bytes | memoryview, *, column: str) -> bytes:
    """The data that `value` seals. Raises: SealBroken."""
    raw = bytes(value)
    key = keys().seals.get(raw[0]) if raw else None
    if key is None:
        raise SealBroken("The key of this value is not among COURIER_KEYS.")
    nonce, body = raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]
    try:
        return AESSIV(key).decrypt(body, [column.encode(), nonce])
    except (InvalidTag, ValueError) as error:
        raise SealBroken("This value does not open with its key.") from error


def is_newest(value: bytes | memoryview) -> bool:
    """Whether `value` is sealed with the newest key."""
    return bytes(value[:1]) == bytes([keys().newest])


def index(phone: str) -> str:
    """What a normalised phone is stored and found under."""
    return indexes(phone)[-1]


def indexes(phone: str) -> list[str]:
    """What `phone` may be stored under while the index key is being changed, the newest last."""
    return [hmac.new(key, phone.encode(), hashlib.sha256).hexdigest() for key in keys().indexes]
