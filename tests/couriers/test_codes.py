"""Member codes: nobody can guess one, and no slip turns one into another."""

import re
import secrets

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from couriers import codes, credit_codes
from couriers.codes import ALPHABET, check_symbol, is_code, new_code, read_code
from couriers.models.couriers import CODE_SHAPE

bodies = st.text(ALPHABET, min_size=10, max_size=10).filter(lambda body: not re.match("1[3-9][0-9]{8}", body))


@given(bodies, st.integers(0, 10), st.sampled_from(ALPHABET))
def test_one_wrong_symbol_is_always_found(body: str, place: int, symbol: str) -> None:
    code = body + check_symbol(body)
    wrong = code[:place] + symbol + code[place + 1 :]
    assert is_code(code)
    assert is_code(wrong) == (wrong == code)


@given(st.integers(13_000_000_000, 19_999_999_999))
def test_a_mobile_number_is_never_a_code(number: int) -> None:
    """One in 32 of them ends as a code would."""
    body = str(number)[:-1]
    for last in ALPHABET:
        assert is_code(body + last) == (not last.isdecimal() and last == check_symbol(body))
    assert read_code(f"{str(number)[:3]} {str(number)[3:7]} {str(number)[7:]}") is None


def test_a_code_that_reads_as_a_mobile_number_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first draw is such a one, the second is none."""
    mobile = next(body for body in map(str, range(1_380_000_000, 1_380_000_100)) if check_symbol(body).isdecimal())
    drawn = [mobile, "0" * 9 + "1"]
    monkeypatch.setattr(
        secrets,
        "randbits",
        lambda _bits: sum(ALPHABET.index(symbol) << 5 * place for place, symbol in enumerate(drawn.pop(0))),
    )
    assert new_code()[:10] == "0000000001"
    assert not drawn


@given(bodies, st.integers(0, 9))
def test_two_neighbours_that_changed_places_are_always_found(body: str, place: int) -> None:
    code = body + check_symbol(body)
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert is_code(wrong) == (wrong == code)


def test_every_single_error_and_swap_of_one_code() -> None:
    code = new_code()
    single = {code[:place] + symbol + code[place + 1 :] for place in range(11) for symbol in ALPHABET} - {code}
    swapped = {code[:place] + code[place + 1] + code[place] + code[place + 2 :] for place in range(10)} - {code}
    assert len(single) == 11 * 31
    assert not [wrong for wrong in single | swapped if is_code(wrong)]


@given(bodies)
def test_a_code_is_read_however_it_is_written(body: str) -> None:
    code = body + check_symbol(body)
    written = f" {code[:4]}-{code[4:8]} {code[8:]}".lower().replace("0", "o").replace("1", "l")
    assert read_code(written) == code
    assert read_code("".join(chr(ord(symbol) + 0xFEE0) for symbol in code)) == code


@pytest.mark.parametrize("text", ["", "A", "0" * 10, "0" * 12, "UUUUUUUUUUU", "00000000001", "é" * 11, "\ud800" * 11])
def test_what_is_no_code(text: str) -> None:
    assert read_code(text) is None


def test_codes_are_random_and_of_the_shape_the_database_asks_for() -> None:
    made = {new_code() for _each in range(2_000)}
    assert len(made) == 2_000
    assert {symbol for code in made for symbol in code} == set(ALPHABET)
    assert not set("ILOU") & set(codes.ALPHABET)
    shape = CODE_SHAPE.removeprefix("^[").removesuffix("]{11}$")
    assert {chr(number) for number in range(128) if _in_class(shape, chr(number))} == set(ALPHABET)


def _in_class(shape: str, symbol: str) -> bool:
    return re.fullmatch(f"[{shape}]", symbol) is not None


# ── 统一社会信用代码 ────────────────────────────────────────────────────────────────────────────────────────────────

# Of well-known bodies, as their own pages print them.
TRUE = ["91440300708461136T", "9111000071093123XX", "11100000000013127D"]


@pytest.mark.parametrize("code", TRUE)
def test_a_true_credit_code_is_taken(code: str) -> None:
    credit_codes.validate_credit_code(code)
    assert credit_codes.read_credit_code(f" {code[:8].lower()} {code[8:]}") == code


@given(st.sampled_from(TRUE), st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ"))
def test_a_wrong_symbol_of_a_credit_code_is_found(code: str, place: int, symbol: str) -> None:
    wrong = code[:place] + symbol + code[place + 1 :]
    if wrong == code:
        return
    with pytest.raises(ValidationError):
        credit_codes.validate_credit_code(wrong)
