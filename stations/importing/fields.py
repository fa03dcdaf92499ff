"""What single cells say: tiers, areas, dates, amenities, positions, in the ways that offices write them. Pure.

Each reader returns the value, or raises `Unread` with the reason and the way out; it never guesses.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from stations.geo import Crs, ParsedPosition, Point, parse_position
from stations.words import simplified

__all__ = [
    "AmenityReader",
    "ReadAmenities",
    "Unread",
    "is_tier",
    "is_unsaid",
    "read_area",
    "read_crs",
    "read_date",
    "read_entry_mode",
    "read_mark",
    "read_numbers",
    "read_phone",
    "read_position",
    "read_seats",
    "read_status",
    "read_text",
    "read_tier",
    "split_names",
]


class Unread(Exception):
    """A cell that cannot be read. `reason` and `way_out` go beside it in the result file."""

    def __init__(self, reason: str | Promise, way_out: str | Promise) -> None:
        super().__init__(str(reason))
        self.reason, self.way_out = reason, way_out


@lru_cache(maxsize=20_000)
def _plain(text: str) -> str:
    """Full width folded, simplified, without spaces."""
    return simplified("".join(unicodedata.normalize("NFKC", text).split()))


def read_text(text: str, *, longest: int) -> str:
    """One line of text, as written, spaces tidied.   Raises: Unread if it is too long for its column."""
    tidy = " ".join(_CONTROL.sub(" ", text).split())
    if len(tidy) > longest:
        raise Unread(
            gettext("It is longer than {longest} characters.").format(longest=longest),
            _("Shorten it."),
        )
    return tidy


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060\ufeff\ud800-\udfff\ufffe\uffff]")


_NOTHING = frozenset({"无", "没有", "暂无", "都没有", "none"})
_UNKNOWN = frozenset({"不详", "未知", "待定", "待补", "待补充", "n/a"})


def is_unsaid(text: str) -> bool:
    """Whether a cell is filled with a word for a blank: 无, 暂无, 待定."""
    return len(text) <= 5 and _plain(text).strip("。.").lower() in _NOTHING | _UNKNOWN


# ── Tier, status, entry ─────────────────────────────────────────────────────────────────────────────────────────────

_TIER = re.compile(
    r"(?:第|tier)?(?P<tier>[123一二三]|i{1,3})(?:\.0)?(?:类|級|级|等|档|星)?(?:江城)?(?:蜂巢|驿站|站点|站)?",
    re.IGNORECASE,
)
_TIERS = {"1": 1, "一": 1, "i": 1, "2": 2, "二": 2, "ii": 2, "3": 3, "三": 3, "iii": 3}


def read_tier(text: str) -> int:
    """一类, 1, Ⅰ类 and 一类蜂巢 → 1."""
    match = _TIER.fullmatch(_plain(text))
    if match is None:
        raise Unread(_("This is no tier."), _("Write 一类, 二类 or 三类."))
    return _TIERS[match["tier"].lower()]


def is_tier(text: str) -> bool:
    """Whether `text` says a tier."""
    return _TIER.fullmatch(_plain(text)) is not None


_STATUSES = {
    "published": ("启用", "已启用", "开放", "已开放", "正常", "正常开放", "正常运行", "在用", "使用中", "运行", "运行中", "运营中",
                  "营业", "已建成", "建成", "是", "published", "open", "active"),
    "draft": ("草稿", "未启用", "待启用", "在建", "筹建", "拟建", "建设中", "筹备中", "待开放", "未开放", "否", "draft"),
    "suspended": ("暂停", "停用", "暂停开放", "暂停使用", "维修", "装修", "维修中", "装修中", "临时关闭", "暂时关闭", "suspended"),
    "closed": ("关闭", "已关闭", "撤销", "已撤销", "撤除", "永久关闭", "取消", "搬迁", "closed", "closed for good"),
}  # fmt: skip
_STATUS_OF = {word: status for status, words in _STATUSES.items() for word in words}


def read_status(text: str) -> str:
    """启用 → published."""
    status = _STATUS_OF.get(_plain(text).lower()) or _STATUS_OF.get(" ".join(text.split()).lower())
    if status is None:
        raise Unread(_("This is no status."), _("Write 启用, 草稿, 停用 or 撤销."))
    return status


_ENTRY_WORDS = (
    ("staffed", ("有人", "值守", "人工", "自由", "直接", "开放", "推门", "无需", "staffed")),
    ("scan", ("扫码", "二维码", "扫一扫", "scan")),
    ("card", ("刷卡", "门禁卡", "工会卡", "员工卡", "card")),
    ("code", ("密码", "code")),
)


def read_entry_mode(text: str) -> str:
    """扫码进门 → scan. If there are several ways in, none is chosen."""
    plain = _plain(text).lower()
    found = [mode for mode, words in _ENTRY_WORDS if any(word in plain for word in words)]
    if len(found) != 1:
        raise Unread(_("This is no way to enter, or several."), _("Write 有人, 扫码, 刷卡 or 密码."))
    return found[0]


# ── Numbers and dates ───────────────────────────────────────────────────────────────────────────────────────────────

_ABOUT = r"(?:大约|约|近|左右|将近)?"
_AREA = re.compile(
    rf"(?:面积)?{_ABOUT}(\d{{1,6}}(?:\.\d{{1,4}})?)(?:平方米|平米|平方|平|m2|㎡|sqm)?{_ABOUT}", re.IGNORECASE
)
_SEATS = re.compile(
    rf"(?:座位|座椅|可坐|可容纳)?{_ABOUT}(\d{{1,4}})(?:\.0)?(?:个|张|把|座|位|人|个座位|个座|余个)?{_ABOUT}"
)


def read_area(text: str) -> Decimal:
    """10㎡, 约10平方米 and 10 → 10."""
    match = _AREA.fullmatch(_plain(text).replace(",", ""))
    area = Decimal(match[1]).quantize(Decimal("0.1")) if match else Decimal(0)
    if not 0 < area < 100_000:
        raise Unread(_("This is no area."), _("Write one number of square metres, such as 10."))
    return area


def read_seats(text: str) -> int:
    """6, 6个, 约6个 → 6."""
    match = _SEATS.fullmatch(_plain(text))
    if match is None:
        raise Unread(_("This is no number of seats."), _("Write one number, such as 6."))
    return int(match[1])


_DATE = re.compile(
    r"(?P<year>(?:19|20)\d\d)(?:年|[-./])(?P<month>\d{1,2})(?:月|(?:[-./](?=\d)))?(?:(?P<day>\d{1,2})[日号]?)?(?:\d{2}:\d{2}.*)?"
)
_DIGITS_DATE = re.compile(r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)")
_EXCEL_DAY_0 = date(1899, 12, 30)


def read_date(text: str) -> date:
    """2021年7月1日, 2021.7.1, 20210701 and a date cell's number; a month alone is its first day."""
    plain = _plain(text)
    match = _DATE.fullmatch(plain) or _DIGITS_DATE.fullmatch(plain)
    if match is not None:
        with suppress(ValueError):
            return date(int(match["year"]), int(match["month"]), int(match["day"] or 1))
    if re.fullmatch(r"\d{5}(?:\.\d+)?", plain) and 30_000 <= float(plain) <= 75_000:
        return _EXCEL_DAY_0 + timedelta(days=int(float(plain)))
    raise Unread(_("This is no date."), _("Write it as 2021-07-01 or 2021年7月."))


_PHONE_PARTS = re.compile(r"\+?\d[\d()\-‐–—]{5,}\d(?:(?:转|ext\.?|-)\d{1,6})?", re.IGNORECASE)


_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")


def read_phone(text: str, *, takes_mobiles: bool = False) -> str:
    """The office's numbers in `text`. The phone is shown to everybody, so a person's name and mobile number are left out: no
    list says whose number it is. If it is the station's own, somebody enters it on the station's page, which
    `takes_mobiles`."""
    plain = unicodedata.normalize("NFKC", text).replace("（", "(").replace("）", ")")
    plain = re.sub(r"(?<=[\d)\-])\s+(?=[\d(])", "-", re.sub(r"\s*[-‐–—]\s*", "-", plain))
    plain = re.sub(r"\.0$", "", plain)
    numbers = _PHONE_PARTS.findall(plain)
    of_offices = [number for number in numbers if takes_mobiles or not _MOBILE.fullmatch(re.sub(r"\D", "", number))]
    if numbers and not of_offices:
        raise Unread(
            _("This is a mobile number, and the phone is shown to everybody."),
            _("Write an office number; if it is the station's own mobile, enter it on the station's page."),
        )
    joined = "、".join(dict.fromkeys(of_offices))
    if not joined or len(joined) > 40:
        raise Unread(_("This is no phone number."), _("Write an office number such as 027-88880000."))
    return joined


# ── Position ────────────────────────────────────────────────────────────────────────────────────────────────────────

_CRS_WORDS = (
    (Crs.BD09, ("bd09", "bd-09", "百度", "baidu")),
    (Crs.GCJ02, ("gcj02", "gcj-02", "gcj", "高德", "腾讯", "火星", "amap", "tencent", "谷歌中国", "qq")),
    (Crs.WGS84, ("wgs84", "wgs-84", "wgs", "gps", "osm", "4326", "天地图", "cgcs2000", "国家2000")),
)


def read_crs(text: str) -> Crs | None:
    """The datum named in `text`; None if it names none, or several."""
    plain = _plain(text).lower()
    found = [crs for crs, words in _CRS_WORDS if any(word in plain for word in words)]
    return found[0] if len(found) == 1 else None


def read_numbers(latitude: str, longitude: str) -> Point:
    """The point of two cells. Swapped columns are recognised by where Wuhan is.   Raises: Unread."""
    way_out = _("Write decimal degrees, such as 30.554 and 114.345.")
    try:
        first, second = float(_plain(latitude).rstrip("°NnSs北纬")), float(_plain(longitude).rstrip("°EeWw东经"))
        point = Point.checked(first, second)
    except ValueError:
        try:
            parsed = parse_position(f"{latitude},{longitude}")
        except DomainError:
            parsed = None
        if parsed is None:
            raise Unread(_("These are no latitude and longitude."), way_out) from None
        point = parsed.point
    if abs(point.latitude) > 85 or not (-180 <= point.longitude <= 180):
        raise Unread(_("These are no latitude and longitude."), way_out)
    return point


def read_position(text: str) -> ParsedPosition | None:
    """The position in a cell with two numbers or a share link; None if it contains no position at all.   Raises: Unread."""
    try:
        return parse_position(text)
    except DomainError as error:
        raise Unread(
            error.detail or error.title, _("Paste the two numbers, or the share link of 高德 or 腾讯.")
        ) from error


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_SEPARATORS = re.compile(r"[、,，;；/／|｜\n]+")
_BRACKETS = dict(zip("(（[【“《「", ")）]】”》」", strict=True))


def split_names(text: str) -> list[str]:
    """The names in a cell, each once. Nothing is split inside brackets and quotes: 武昌（东、西）驿站 is one."""
    return list(_split(text))


@lru_cache(maxsize=20_000)
def _split(text: str) -> tuple[str, ...]:
    parts, closing = [""], ""
    for char in text:
        if char == closing:
            closing = ""
        elif not closing and char in _BRACKETS and _BRACKETS[char] in text:
            closing = _BRACKETS[char]
        if not closing and _SEPARATORS.match(char):
            parts.append("")
        else:
            parts[-1] += char
    return tuple(dict.fromkeys(filter(None, (" ".join(part.split()) for part in parts))))


_MARKS_YES = frozenset(["√", "✓", "✔", "☑", "●", "■", "▲", "有", "是", "y", "yes", "已配", "已配备", "具备", "true"])
_MARKS_NO = frozenset([
    "无", "否", "×", "✗", "✘", "x", "☐", "□", "—", "-", "–", "/", "\\", "没有", "0", "n", "no", "不具备", "未配", "未配备",
    "暂无", "false",
])  # fmt: skip


def read_mark(text: str) -> bool:
    """Whether a cell under an amenity's own heading says that it is there: √, 有, 2台.   Raises: Unread."""
    plain = _plain(text).lower()
    if plain in _MARKS_NO:
        return False
    if plain in _MARKS_YES or re.fullmatch(r"[1-9]\d{0,2}(?:\.0)?(?:台|个|套|张|把|部|处|组|只)?", plain):
        return True
    raise Unread(_("It says neither yes nor no."), _("Write √ where the station has it."))


@dataclass(slots=True)
class ReadAmenities:
    """What a list of amenities means: codes, the rest as text, and which parts of it match nothing known."""

    codes: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


_NEGATIONS = re.compile(
    r"没有|没配|没|暂无|暂未|尚未|未|无(?![线障烟菌声人])|不提供|不含|不能|不可|不具备|缺少|缺|停用|取消|拆除"
)
_AFFIRMATIONS = re.compile(r"(?<![没未无])有|可(?<!不可)|(?<!不)提供|(?<!未)配备|(?<!未)配有|(?<!未)设有|但")
_SPOILED = re.compile(
    r"^[(:：]?(?:已|均|暂时?)?(?:坏|损坏|故障|待修|维修中|停用|暂无|没有|无|×|✗|否|未安装|待安装|待配|计划|拟|筹备)"
)
_SPACES = re.compile(r"[\s-]+")
_ENUMERATION = re.compile(r"([、,，;；/／|｜\n。.!！:：]+|\s+)")
_FILLERS = re.compile(
    r"[\d一二两三四五六七八九十]+(?:台|个|张|把|套|组|只|部|盏|条|间|处|份|座|副|床|块)?|等等|等|以及|以|及|和|与|并|还|也|均|都|可以|可|能够|能|"
    r"免费|提供|设有|配有|配备|备有|配置|设置|具备|拥有|有|为|给|让|的|了|在|内|里|室内|站内|小哥|快递员|骑手|人员|服务|设施|设备|"
    r"各类|多种|若干|使用|休息时|[()（）\[\]【】*×x+＋~～\-—_·•●√✓\"'“”‘’<>《》?？]"
)


class AmenityReader:
    """Reads lists and prose by the longest known wording, and leaves out what the text denies."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        self._codes = {_plain(word).lower(): frozenset(codes) for word, codes in words.items() if word.strip()}
        longest_first = sorted(self._codes, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        # A space parts the items of a list, but not hot from water; and first aid is what first-aid is.
        self._phrases = {_SPACES.sub(" ", word.lower()): _plain(word).lower() for word in words if _SPACES.search(word)}
        phrases = "|".join(
            re.escape(phrase).replace(r"\ ", _SPACES.pattern) for phrase in sorted(self._phrases, key=len, reverse=True)
        )
        self._phrase = re.compile(rf"(?<![a-z])(?:{phrases})(?![a-z])", re.IGNORECASE | re.ASCII) if phrases else None
        self._cache: dict[str, ReadAmenities] = {}

    @property
    def words(self) -> Iterable[str]:
        return self._codes

    def codes(self, word: str) -> frozenset[str]:
        """The codes that one wording means."""
        return self._codes.get(_plain(word).lower(), frozenset())

    def read(self, text: str) -> ReadAmenities:
        """Map the words of `text` to codes; the rest stays text."""
        found = self._cache.get(text)
        if found is None:
            found = self._read(text)
            if len(self._cache) < 20_000:
                self._cache[text] = found
        return found

    def _read(self, text: str) -> ReadAmenities:
        result = ReadAmenities()
        if _plain(text).strip("。.") in _NOTHING:
            return result
        is_denied = False  # 没有微波炉、空调: the second may be denied too, so it is not claimed
        written = unicodedata.normalize("NFKC", text).strip()
        if self._phrase is not None:
            written = self._phrase.sub(lambda match: self._phrases[_SPACES.sub(" ", match[0].lower())], written)
        parts = _ENUMERATION.split(written)
        for token, separator in zip(parts[::2], [*parts[1::2], ""], strict=True):
            if not token:
                continue
            if is_denied and not _AFFIRMATIONS.search(token):
                result.texts.append(token)
                result.unknown.append(token)
            else:
                is_denied = self._read_token(token, result)
            is_denied = is_denied and separator == "、"
        result.texts = list(dict.fromkeys(result.texts))
        result.unknown = list(dict.fromkeys(result.unknown))
        return result

    def _read_token(self, token: str, result: ReadAmenities) -> bool:
        """Read one item; return whether it denies something."""
        lower = simplified(token.lower())
        if lower in self._codes:
            result.codes |= self._codes[lower]
            return False
        matches = list(self._pattern.finditer(lower)) if self._pattern is not None else []
        left, at, denies, spoiled = [], 0, False, False
        taken: set[str] = set()
        for match in matches:
            if self._is_denied(lower, match):
                denies = True
                continue
            if _SPOILED.match(lower[match.end() :]):
                spoiled = True
                continue
            taken |= self._codes[match[0]]
            left.append(lower[at : match.start()])
            at = match.end()
        left.append(lower[at:])
        result.codes |= taken
        if denies or spoiled:
            result.texts.append(token)
            return denies
        rest = [part for piece in left for part in _FILLERS.sub(" ", piece).split() if len(part) > 1]
        if not matches:
            if not _FILLERS.sub("", lower).strip():
                return False
            result.texts.append(token)
            if _NEGATIONS.match(lower):
                return True
            result.unknown.append(token)
        else:
            result.texts += rest
            result.unknown += rest
        return False

    @staticmethod
    def _is_denied(text: str, match: re.Match[str]) -> bool:
        """Whether a denial comes before the match, with nothing in between that affirms again."""
        before = text[: match.start()]
        denial = max((m.start() for m in _NEGATIONS.finditer(before)), default=-1)
        affirmation = max((m.start() for m in _AFFIRMATIONS.finditer(before)), default=-1)
        return denial > affirmation
