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
    "simplified",
    "spelling",
    "spelling_grams",
]

# In the name of every station, so they distinguish none and would only swell the index.
STOP_GRAMS = frozenset({"江城", "城蜂", "蜂巢", "jc", "cf", "fc"})
MAX_QUERY_WORDS = 8
# Whole pinyin is recognised by this many letters, more of them being rarer; shorter words are initials.
SPELLED_LETTERS = (4, 6)
# Traditional to simplified, for the characters in the names of Wuhan's divisions, in addresses and in what offices' lists are
# headed by and say. A full converter needs megabytes of dictionary, made for prose.
_SIMPLIFIED = str.maketrans(
    "萬業東兩臨義烏鄉產倉會關興軍農務動勞區華雙發後吳員團園場壩處頭寶寧將島嶺峽師應廟開張徑態斷術權楊橋樓橫滿漢溝濟漲灣灄濱"
    "獅現盤磯礄種積紀紅紗紙紐經羅荊榮蘭觀譚賢貿車軒進邏鄧鄭鋼銀鎮長陽陸鵡鶴鸚黃龍韓風馬麥豐糧稅號層棟機體舊遊臺廣驛遞郵廳門"
    "黨眾辦衝裡裏職諶輕鐵錦鳳鄰圖書館電視蓮葉劉陳趙孫雲衛學樂麗橫隊寫們無間線點稱類電話時備註維聯絡營設緯經度"
    "別屬級約標狀單責負說節週鐘幾熱爐飲藥沒啟資繫計總個補編專暫傘籃報廁櫃換兌醫腦閱讀並費凍沖塊碼憑證項須預實際從閉調運",
    "万业东两临义乌乡产仓会关兴军农务动劳区华双发后吴员团园场坝处头宝宁将岛岭峡师应庙开张径态断术权杨桥楼横满汉沟济涨湾滠滨"
    "狮现盘矶硚种积纪红纱纸纽经罗荆荣兰观谭贤贸车轩进逻邓郑钢银镇长阳陆鹉鹤鹦黄龙韩风马麦丰粮税号层栋机体旧游台广驿递邮厅门"
    "党众办冲里里职谌轻铁锦凤邻图书馆电视莲叶刘陈赵孙云卫学乐丽横队写们无间线点称类电话时备注维联络营设纬经度"
    "别属级约标状单责负说节周钟几热炉饮药没启资系计总个补编专暂伞篮报厕柜换兑医脑阅读并费冻冲块码凭证项须预实际从闭调运",
)


def simplified(text: str) -> str:
    """`text` with the traditional characters that lists are written in as simplified ones, each in its place: 武漢 → 武汉."""
    return text.translate(_SIMPLIFIED)


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
