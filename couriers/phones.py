"""Mobile numbers of the mainland, in the one form in which they are stored and found. Pure."""

import re
import unicodedata

from django.utils.translation import gettext_lazy as _

from core.errors import InvalidValue

__all__ = ["mask_name", "mask_phone", "read_phone", "spaced_phone"]

_WRITTEN = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_BETWEEN = re.compile(r"[\s().-]")


def read_phone(text: str) -> str:
    """`text` as +8613800000000; a country code, spaces, hyphens, brackets and full width do not matter.

    Raises: InvalidValue, which does not repeat what was given.
    """
    match = _WRITTEN.fullmatch(_BETWEEN.sub("", unicodedata.normalize("NFKC", text)))
    if not match:
        raise InvalidValue("phone", _("Give a mobile number of the mainland: 11 digits that begin with 13 to 19."))
    return f"+86{match[1]}"


def spaced_phone(phone: str) -> str:
    """+8613812341234 as 138 1234 1234, to be read and dialled."""
    digits = phone.removeprefix("+86")
    return " ".join(filter(None, (digits[:3], digits[3:7], digits[7:])))


def mask_phone(phone: str) -> str:
    """+8613812341234 as 138****1234."""
    digits = phone.removeprefix("+86")
    return f"{digits[:3]}****{digits[-4:]}"


def mask_name(name: str) -> str:
    """张三丰 as 张*: how long the name is stays hidden too."""
    return f"{name[:1]}*" if name else ""
