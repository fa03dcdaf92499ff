"""统一社会信用代码, the number of an organisation in China: 18 symbols, the last of which checks the others. Pure.

Source: GB 32100-2015 (the check symbol is computed as in GB/T 17710, modulo 31).
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

__all__ = ["SHAPE", "check_symbol", "read_credit_code", "validate_credit_code"]

# Without I, O, S, V and Z.
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUE = {symbol: value for value, symbol in enumerate(_ALPHABET)}
# Registering authority, kind of organisation, six digits of a division, nine symbols of the body's own code, check.
SHAPE = r"^[0-9A-HJ-NP-RTUW-Y]{2}[0-9]{6}[0-9A-HJ-NP-RTUW-Y]{10}$"


def check_symbol(body: str) -> str:
    """The eighteenth symbol, from the seventeen before it."""
    total = sum(_VALUE[symbol] * pow(3, place, 31) for place, symbol in enumerate(body))
    return _ALPHABET[-total % 31]


def read_credit_code(text: str) -> str:
    """The code as it is stored: capitals, without spaces and full width."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def validate_credit_code(text: str) -> None:
    """Raises: ValidationError for a wrong shape or check symbol."""
    if not re.fullmatch(SHAPE, text):
        raise ValidationError(
            _("A unified social credit code has 18 symbols: digits and capitals without I, O, S, V and Z."),
            code="credit_code_shape",
        )
    if check_symbol(text[:-1]) != text[-1]:
        raise ValidationError(
            _("A symbol of this code is wrong: its last one does not go with the others. Compare it with the licence."),
            code="credit_code_check",
        )
