"""The code on a station's door: WH, the letters of its district, its number there, such as WH-QK-0001. Pure."""

import re
import unicodedata
from typing import NamedTuple

__all__ = ["StationCode", "code_in", "numbered", "read_code"]

_CODE = re.compile(r"WH-([A-Z]{2,3})-(\d{4,6})")


class StationCode(NamedTuple):
    """The parts of a code. The digits are kept as they are printed."""

    letters: str
    digits: str

    @property
    def number(self) -> int:
        return int(self.digits)

    def __str__(self) -> str:
        return f"WH-{self.letters}-{self.digits}"


def numbered(letters: str, number: int) -> str:
    """The code of a district's station number `number`."""
    return str(StationCode(letters, f"{number:04}"))


def read_code(text: str) -> StationCode | None:
    """The code, if all of `text` is one; spaces, small letters and full width do not matter."""
    match = _CODE.fullmatch("".join(_folded(text).split()))
    return StationCode(match[1], match[2]) if match else None


def code_in(text: str) -> str:
    """The first code that a sentence names; "" without one."""
    match = _CODE.search(_folded(text))
    return match[0] if match else ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()
