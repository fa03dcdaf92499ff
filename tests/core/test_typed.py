"""What people type and URLs bring: beyond the bounds of what is possible, nothing is found and nothing fails."""

from datetime import date, time

import pytest
from django import forms

from core.typed import ClockField, DayField, row_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("٧", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("9" * 5_000, None), ("-1", None), ("²", None), ("", None)],
    ids=["digit", "arabic", "longest", "longer", "huge", "minus", "squared", "empty"],
)  # fmt: skip
def test_a_row_has_a_number_that_a_column_holds(text: str, number: int | None) -> None:
    assert row_number(text) == number


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2101-01-01", "9999-12-31"])
def test_a_day_is_one_of_our_time(day: str) -> None:
    field = DayField()
    with pytest.raises(forms.ValidationError, match="2100"):
        field.clean(day)
    assert [field.clean(each) for each in ("2000-01-01", "2100-12-31")] == [date(2000, 1, 1), date(2100, 12, 31)]


@pytest.mark.parametrize("text", ["17:30", "17：30", "１７：３０", " 17 : 30 ", "17点半", "17点30分", "17时30"])
def test_a_time_is_read_as_a_chinese_keyboard_types_it(text: str) -> None:
    assert ClockField().clean(text) == time(17, 30)
    assert ClockField().clean("9点") == time(9)


@pytest.mark.parametrize("text", ["25点", "17点60", "下午5点", "17"])
def test_what_is_no_time_is_not_guessed(text: str) -> None:
    with pytest.raises(forms.ValidationError):
        ClockField().clean(text)
