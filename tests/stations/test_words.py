"""Chinese text without a dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations.words import grams, initials, normalise, query_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("完美(中国)“江城蜂巢”", "完美中国江城蜂巢"),
        ("WH-QK-0001", "whqk0001"),
        ("ＷＨ－ＱＫ　０００１", "whqk0001"),
        ("韩家墩街 公安社区", "韩家墩街公安社区"),
        ("  ", ""),
    ],
)
def test_normalise_keeps_letters_and_digits_in_one_form(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("徐家棚街道", "xjpjd"), ("硚口", "qk"), ("汉正街1号", "hzj1h"), ("A栋", "ad")]
)
def test_initials_are_the_first_letters_of_the_pinyin(text: str, expected: str) -> None:
    assert initials(text) == expected


def test_grams_leave_out_what_every_name_has() -> None:
    assert grams(["江城蜂巢", "徐家棚"]) == ["家棚", "徐家"]


def test_a_query_is_cut_into_words_that_all_must_match() -> None:
    assert query_words(" 徐家棚  热水,WC-01 ") == ["徐家棚", "热水wc01"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_every_part_of_a_text_is_found_by_its_grams(left: str, right: str) -> None:
    whole = normalise(left + right)
    part = normalise(left)
    assert set(grams([part])) - {part} <= set(grams([whole]))
