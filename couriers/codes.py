"""The member code of a courier: ten random symbols and one that checks them. Pure.

The alphabet is Crockford's: 32 symbols without I, L, O and U, so that none is taken for another. A code is a word over the
field of 32 elements; the check symbol makes the sum of its symbols, each times another power of a generator, zero. Hence
one wrong symbol is always detected, and so is a swap of two neighbours.
"""

import re
import secrets
import unicodedata

__all__ = ["ALPHABET", "LENGTH", "check_symbol", "folded", "in_groups", "is_code", "new_code", "read_code"]

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 11
_VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_MOBILE = re.compile("1[3-9][0-9]{9}")
# x⁵ + x² + 1 is primitive over the field of two elements: the powers of x are all 31 elements but zero.
_POLYNOMIAL = 0b100101


# Each element times x.
_TIMES_X = [value << 1 ^ (_POLYNOMIAL if value & 0b10000 else 0) for value in range(32)]


def check_symbol(body: str) -> str:
    """The symbol that is appended to `body` (symbols of the alphabet)."""
    # Horner's rule: the last symbol of the body is multiplied by x, the one before it by x², and so on.
    total = 0
    for symbol in body:
        total = _TIMES_X[total ^ _VALUE[symbol]]
    return ALPHABET[total]


def is_code(text: str) -> bool:
    """Whether `text` is a code as it is stored: its length, its alphabet, its check symbol.

    A mobile number is not one: it is typed in the same places, is as long, and one in 32 has the right last digit.
    """
    is_written_so = len(text) == LENGTH and _VALUE.keys() >= set(text) and not _MOBILE.fullmatch(text)
    return is_written_so and check_symbol(text[:-1]) == text[-1]


def new_code() -> str:
    """A code that nobody can guess: 50 bits, five a symbol. It is never mistaken for a mobile number."""
    while True:
        bits = secrets.randbits(5 * (LENGTH - 1))
        body = "".join(ALPHABET[bits >> 5 * place & 31] for place in range(LENGTH - 1))
        code = body + check_symbol(body)
        if not _MOBILE.fullmatch(code):
            return code


def folded(text: str) -> str:
    """`text` as a code would be written: small letters, full width, spaces, hyphens and look-alikes do not matter."""
    symbols = unicodedata.normalize("NFKC", text).upper().translate(_LOOK_ALIKES)
    return "".join(symbol for symbol in symbols if symbol not in " -\t")


def read_code(text: str) -> str | None:
    """The code that a person or a scanner gave."""
    code = folded(text)
    return code if is_code(code) else None


def in_groups(code: str) -> str:
    """A code as people read it aloud: XXXX XXXX XXX."""
    return f"{code[:4]} {code[4:8]} {code[8:]}"
