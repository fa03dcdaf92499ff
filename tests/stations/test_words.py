"""Chinese text without a dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations.words import gram_choices, grams, initials, normalise, query_words, spelling, spelling_grams


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


@pytest.mark.parametrize(
    ("text", "spelled", "found"),
    [
        ("徐家棚", "xujiapeng", {"xuji", "xujiap", "jiap", "jiapen", "peng"}),
        ("工人村2号", "gongrencun2hao", {"gong", "gongre", "renc", "rencun", "cun2", "cun2ha", "2hao"}),
        ("女工", "nvgong", {"nvgo", "nvgong", "gong"}),
        ("A栋", "adong", {"adon", "dong"}),
        ("鹅", "e", set()),
        ("", "", set()),
    ],
)
def test_whole_pinyin_is_known_by_its_first_letters_from_each_syllable_on(
    text: str, spelled: str, found: set[str]
) -> None:
    assert (spelling(text), spelling_grams(text)) == (spelled, found)


def test_a_word_of_letters_is_initials_or_whole_pinyin() -> None:
    assert gram_choices("xjp") == [["jp", "xj"]]
    assert gram_choices("xujiap")[1] == gram_choices("xujiapeng")[1] == ["xujiap"]
    assert gram_choices("xujia") == [["ia", "ji", "uj", "xu"], ["xuji"]]
    assert gram_choices("徐家棚") == [["家棚", "徐家"]]
    # One character, or nothing but what every name has: no index can help.
    assert gram_choices("徐") == gram_choices("江城蜂巢") == gram_choices("jcfc") == []


def test_grams_leave_out_what_every_name_has() -> None:
    assert grams(["江城蜂巢", "徐家棚"]) == ["家棚", "徐家"]


def test_a_query_is_cut_into_words_that_all_must_match() -> None:
    assert query_words(" 徐家棚  热水,WC-01 ") == ["徐家棚", "热水wc01"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_every_part_of_a_text_is_found_by_its_grams(left: str, right: str) -> None:
    whole = normalise(left + right)
    part = normalise(left)
    assert set(grams([part])) - {part} <= set(grams([whole]))
