"""How Chinese text is found without a dictionary: pairs of neighbouring characters, pinyin initials, and whole pinyin.

A station's texts (name, aliases, code, address, divisions) are normalised and cut into bigrams; the query is cut the same
way, the database finds rows that hold all of its grams, and a LIKE on the normalised text drops false hits (武大 is in
武昌大道 as two grams only by accident). Pairs of pinyin letters would tell no station from another, so whole pinyin is
found by the first letters from each syllable on. Pure; no Django, no database.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from operator import add

from pypinyin import Style, pinyin

__all__ = [
    "STOP_GRAMS",
    "gram_choices",
    "grams",
    "initials",
    "normalise",
    "query_words",
    "spelling",
    "spelling_grams",
]

# In the name of every station, so they distinguish none and would only swell the index.
STOP_GRAMS = frozenset({"江城", "城蜂", "蜂巢", "jc", "cf", "fc"})
MAX_QUERY_WORDS = 8
# Whole pinyin is recognised by this many letters, more of them being rarer; shorter words are initials.
SPELLED_LETTERS = (4, 6)


def normalise(text: str) -> str:
    """`text` in one form: full-width folded, lower case, letters and digits only (WH-QK-0001 → whqk0001)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded if folded.isalnum() else "".join(filter(str.isalnum, folded))


@lru_cache(maxsize=30_000)
def _initial(char: str) -> str:
    if not "\u4e00" <= char <= "\u9fff":
        return char if char.isascii() and char.isalnum() else ""
    return pinyin(char, style=Style.FIRST_LETTER, errors="ignore")[0][0][:1] or ""


def initials(text: str) -> str:
    """The pinyin initials of `text`: 徐家棚 → xjp. Letters and digits stay."""
    return "".join(map(_initial, normalise(text)))


@lru_cache(maxsize=30_000)
def _syllable(char: str) -> str:
    if not "\u4e00" <= char <= "\u9fff":
        return char if char.isascii() and char.isalnum() else ""
    # ü is typed as v.
    return pinyin(char, style=Style.NORMAL, errors="ignore")[0][0]


def spelling(text: str) -> str:
    """The whole pinyin of `text`: 徐家棚 → xujiapeng. Letters and digits stay."""
    return "".join(map(_syllable, normalise(text)))


def spelling_grams(text: str) -> set[str]:
    """The first letters of the pinyin of `text`, from each syllable on: 徐家棚 → xuji, xujiap, jiap, jiapen, peng."""
    syllables = list(map(_syllable, normalise(text)))
    spelled = "".join(syllables)
    found: set[str] = set()
    start = 0
    for syllable in syllables:
        found.update(spelled[start : start + letters] for letters in SPELLED_LETTERS if start + letters <= len(spelled))
        start += len(syllable)
    return found


def grams(texts: Iterable[str]) -> list[str]:
    """All bigrams of the normalised `texts`, sorted, without those that every station has."""
    return sorted(frozenset().union(*map(_bigrams, texts)) - STOP_GRAMS)


@lru_cache(maxsize=10_000)  # a whole district of stations repeats the names of its divisions
def _bigrams(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters; a single character stands for itself."""
    return frozenset(map(add, text, text[1:])) if len(text) > 1 else frozenset(text)


def query_words(query: str) -> list[str]:
    """The normalised words of what somebody typed; a station must hold every one of them."""
    return [word for part in query.split()[:MAX_QUERY_WORDS] if (word := normalise(part))]


def gram_choices(word: str) -> list[list[str]]:
    """What a station that contains `word` must have: all grams of any one of these lists. If there is no list, only a LIKE
    can tell.
    """
    if len(word) < 2:
        return []
    choices = [grams([word])]
    if word.isascii() and (known_by := [letters for letters in SPELLED_LETTERS if letters <= len(word)]):
        choices.append([word[: known_by[-1]]])
    return choices if all(choices) else []
