"""What one row of a sheet says about a courier, with every doubt. Writes nothing.

No finding holds a name or a phone in full: the cell at fault is named by its place, and shown masked. A cell in another
column is masked too if it could be a name or a phone, since columns get mixed up.
"""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core import clock
from core.errors import InvalidValue
from couriers import registration
from couriers.models import Company, Courier, Outlet
from couriers.phones import mask_name, mask_phone, read_phone
from stations.columns import restored
from stations.divisions import Gazetteer
from stations.importing import Decisions, Finding, Severity
from stations.importing.decisions import subject_of
from stations.importing.fields import Unread, read_date
from stations.importing.headings import Layout
from stations.importing.sheets import column_letter
from stations.models import Division

__all__ = ["KIND_MISSING", "CourierRow", "Kept", "RowReader", "Said", "masked_text"]

_SHOWN_CHARS = 40
_SUGGESTED = 3
_NOTHING = frozenset({"无", "没有", "个人", "自由", "自由职业", "众包", "none", "no"})
_YES = frozenset({
    "是", "同意", "已同意", "已签", "已签字", "已签署", "签署", "已告知", "已告知同意", "有", "√", "✓", "✔", "☑", "v", "y", "yes", "1",
    "true", "agreed", "signed",
})  # fmt: skip
_NO = frozenset({
    "否", "不同意", "未同意", "未签", "未签字", "未签署", "没有", "无", "×", "✗", "✘", "x", "n", "no", "0", "false", "not agreed",
})  # fmt: skip
_EXPRESS, _FOOD = ("快递", "速递", "快件", "express"), ("外卖", "送餐", "餐饮配送", "餐食", "food")
# Words for carrier, shop and legal form after a name: 顺丰速运 is 顺丰. 快运 and 物流 are different businesses.
_ENDINGS = re.compile(r"(?:股份)?(?:有限)?(?:责任)?(?:公司|集团)$|快递$|速运$|速递$|外卖$")
_NAME = re.compile(
    "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤喻柯舒占桂柳]"
    "[\u4e00-\u9fff·]{1,3}"
)
_LONG_NUMBER = re.compile(r"\d{5,}")
# The question about the kind of those couriers for whom nothing says it.
KIND_MISSING = subject_of("kind", "")


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _core(text: str) -> str:
    """A brand's name without the words after it."""
    key, shorter = _plain(text), ""
    while key != shorter:
        key, shorter = (_ENDINGS.sub("", shorter or key) or key), key
    return key


def masked_text(text: str) -> str:
    """`text` with long numbers hidden, so that no file name and no cell passes a phone on."""
    return _LONG_NUMBER.sub(lambda number: f"{number[0][:3]}****", unicodedata.normalize("NFKC", text))[:200]


@dataclass(slots=True)
class CourierRow:
    """What one row says. `phone` is empty where it cannot be read."""

    sheet: str
    number: int
    layout: Layout
    cells: Sequence[str]
    decisions: Decisions
    findings: list[Finding] = field(default_factory=list)
    phone: str = ""
    name: str = ""
    kind: str = ""
    company: Company | None = None
    outlet: Outlet | None = None
    district: Division | None = None
    agreed_at: datetime | None = None
    consent_refused: tuple[str, str | Promise] | None = None  # the column, and why he does not count as having agreed

    @property
    def is_held(self) -> bool:
        return any(finding.holds_row for finding in self.findings)

    @property
    def brand(self) -> Company | None:
        return self.outlet.company if self.outlet is not None else self.company

    @property
    def said(self) -> tuple[str, str, object, object, object]:
        """What is compared if two rows have the same phone."""
        layout, cells = self.layout, self.cells
        return (
            name_key(self.name), self.kind, _plain(layout.value(cells, "company")), _plain(layout.value(cells, "outlet")),
            self.district.pk if self.district else "",
        )  # fmt: skip

    def find(
        self, key: str, severity: Severity, code: str, reason: str | Promise, way_out: str | Promise,
        *, column: int | None = None, subject: str = "",
    ) -> None:  # fmt: skip
        """Note down a finding about the cell of this column; a doubt with a subject can be answered."""
        index = column if column is not None else self.layout.column(self.cells, key)
        text = self.cells[index] if index is not None and index < len(self.cells) else ""
        self.findings.append(
            Finding(
                severity=severity,
                code=code,
                sheet=masked_text(self.sheet),
                row=self.number,
                column=column_letter(index) if index is not None else "",
                heading=self.layout.headings.get(index, "") if index is not None else "",
                value=self._shown(key, text),
                reason=self.decisions.doubted(subject, str(reason)),
                way_out=str(way_out),
                subject=subject,
            )
        )

    def subject(self, kind: str, text: str, *parts: str) -> str:
        """The name of the question about what `text` means; "" if it could be a person, since answers outlive the list."""
        if not self.phone or _LONG_NUMBER.search(text) or name_key(text) == name_key(self.name) or _may_be_name(text):
            return ""
        return subject_of(kind, *parts, _plain(text))

    @property
    def work_subject(self) -> str:
        """The name of the question about which is right about somebody's work, this row or the profile."""
        # The number comes first, because a subject is cut at its end, and a sheet may have a long name.
        return subject_of("work", str(self.number), masked_text(self.sheet))

    def answer(self, subject: str) -> str:
        """The answer to the question; "" if there is none, or nothing was asked."""
        return self.decisions.text(subject) if subject else ""

    def _shown(self, key: str, text: str) -> str:
        if key == "phone":
            try:
                return mask_phone(_read_phone(text))
            except InvalidValue:
                return f"{_plain(text)[:3]}****" if text[:1].isdigit() or text[:1] == "+" else mask_name(text)
        if key == "agreed" and _plain(text) in _YES | _NO:
            return text
        # If there is no phone under its heading, the columns are mixed up, and any of them may hold the name.
        if key in ("name", "agreed") or not self.phone or name_key(text) == name_key(self.name) or _may_be_name(text):
            return mask_name(text)
        return masked_text(text)[:_SHOWN_CHARS]


def _may_be_name(text: str) -> bool:
    """Whether a cell that means nothing could be a person: as long as a name, with one of the frequent surnames."""
    return bool(_NAME.fullmatch(_plain(text)))


def name_key(name: str) -> str:
    """A person's name in the form in which two are compared."""
    return _plain(name).replace("·", "").replace("•", "")


class Kept:
    """The brands, outlets and districts of one moment, by every wording that means them. Three queries and the gazetteer's."""

    def __init__(self, *, within: str) -> None:
        self.gazetteer = Gazetteer()
        self._companies: dict[str, Company] = {}
        cores: defaultdict[str, list[Company]] = defaultdict(list)
        for company in Company.objects.order_by("pk"):
            for name in filter(None, (company.name, company.name_en)):
                self._companies.setdefault(_plain(name), company)
                if company not in cores[_core(name)]:
                    cores[_core(name)].append(company)
        self._cores = {core: found[0] for core, found in cores.items() if core and len(found) == 1}
        self._outlets: defaultdict[str, defaultdict[str, list[Outlet]]] = defaultdict(lambda: defaultdict(list))
        for outlet in Outlet.objects.filter(division__code__startswith=within).select_related("company").order_by("pk"):
            of_district = self._outlets[outlet.district_code]
            bare = outlet.name.removeprefix("[演示]")
            for name in {_plain(each) for each in (outlet.name, bare, f"{outlet.company.name} {outlet.name}")}:
                of_district[name].append(outlet)

    def company(self, text: str) -> Company | None:
        """The brand that `text` names, with or without 快递, 公司 and the like after it."""
        return self._companies.get(_plain(text)) or self._cores.get(_core(text))

    def companies_like(self, text: str) -> list[str]:
        return _alike(text, {company.name for company in self._companies.values()})

    def outlets(self, text: str, district: str) -> list[Outlet]:
        """The outlets of the district that have this name, alone or after their brand's."""
        return self._outlets[district][_plain(text)]

    def outlets_like(self, text: str, district: str, company: Company | None) -> list[str]:
        names = {
            outlet.name
            for outlets in self._outlets[district].values()
            for outlet in outlets
            if company is None or outlet.company_id == company.pk
        }
        return _alike(text, names)


def _alike(text: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that `text` may mean, the likeliest first."""
    key = _plain(text)
    by_key = {_plain(name): name for name in sorted(names)}
    inside = [name for other, name in by_key.items() if len(other) > 1 and (other in key or key in other)]
    close = [by_key[other] for other in difflib.get_close_matches(key, by_key, n=_SUGGESTED, cutoff=0.5)]
    return list(dict.fromkeys([*inside, *close]))[:_SUGGESTED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said for the whole list: the kind for rows that name none, and whether all have signed the notice on paper."""

    kind: str = ""
    all_agreed: bool = False


class RowReader:
    """Reads the rows of one sheet."""

    def __init__(
        self, layout: Layout, *, sheet: str, kept: Kept, within: str, default: Division | None, said: Said,
        decisions: Decisions, at: datetime,
    ) -> None:  # fmt: skip
        self._layout = layout
        self._sheet = sheet
        self._kept = kept
        self._within = within
        self._default = default
        self._said = said
        self._decisions = decisions
        self._at = at

    def read(self, number: int, cells: Sequence[str]) -> CourierRow | None:
        """What the row says; None if it is no courier: blank, a total, a note, a heading."""
        layout = self._layout
        cells = [restored(cell) for cell in cells]
        if layout.says_nothing(cells) or not (layout.value(cells, "phone") or layout.value(cells, "name")):
            return None
        if _is_note(cells) and not layout.value(cells, "phone"):
            return None
        row = CourierRow(self._sheet, number, layout, cells, self._decisions)
        self._read_phone(row)
        self._read_name(row)
        self._read_kind(row)
        self._read_district(row)
        self._read_work(row)
        self._read_consent(row)
        return row

    def _read_phone(self, row: CourierRow) -> None:
        filled = [index for index in self._layout.columns["phone"] if index < len(row.cells) and row.cells[index]]
        for index in filled:
            try:
                row.phone = _read_phone(row.cells[index])
            except InvalidValue:
                continue
            return
        if not filled:
            row.find(
                "phone", Severity.REFUSAL, "phone_missing",
                _("The phone is missing."), _("Write his mobile number; a line that is no person can be taken out."),
            )  # fmt: skip
            return
        text = row.cells[filled[0]]
        digits = sum(char.isdecimal() for char in unicodedata.normalize("NFKC", text))
        way_out = _("Write one mobile number of the mainland: 11 digits that begin with 13 to 19.")
        if re.search(r"\d[eE]\+?\d", text):
            way_out = _("The office program has shortened the number. Format the column as text and write it anew.")
        row.find(
            "phone", Severity.REFUSAL, "phone_unread",
            _("This is no mobile number: it has {digits} digits.").format(digits=digits), way_out, column=filled[0],
        )  # fmt: skip

    def _read_name(self, row: CourierRow) -> None:
        try:
            row.name = registration.check_name(self._layout.value(row.cells, "name"))
        except InvalidValue:
            row.find(
                "name", Severity.REFUSAL, "name_unread",
                _("This is no name: it is too long, or has characters that cannot be printed."),
                _("Write a name of at most 40 characters, or leave it out."),
            )  # fmt: skip
        # "吴昊（离职）" would be his name on cards and papers.
        if any(bracket in row.name for bracket in "()[]【】<>《》"):
            row.find(
                "name", Severity.REFUSAL, "name_with_remark",
                _("There is a remark beside the name."),
                _("Write the name alone. Who no longer rides does not belong in the list."),
            )  # fmt: skip

    def _read_kind(self, row: CourierRow) -> None:
        text = self._layout.value(row.cells, "kind")
        if not _plain(text):
            row.kind = _kind(row.answer(KIND_MISSING)) or self._said.kind
            return
        subject = row.subject("kind", text)
        row.kind = _kind(text) or _kind(row.answer(subject))
        if not row.kind:
            row.find(
                "kind", Severity.DOUBT, "kind_unknown",
                _("Whether he rides for express or for food is not said."), _("Write 快递 or 外卖."), subject=subject,
            )  # fmt: skip

    def _read_district(self, row: CourierRow) -> None:
        text = self._layout.value(row.cells, "district")
        row.district = self._kept.gazetteer.district(text) if text else self._default
        if row.district is None and text:
            resolved = self._kept.gazetteer.resolve(text)
            row.district = resolved.district if not resolved.rest else None
        subject = row.subject("district", text)
        if row.district is None and (answer := row.answer(subject)):
            row.district = self._kept.gazetteer.district(answer)
        if row.district is None and text:
            row.find(
                "district", Severity.DOUBT, "district_unknown",
                _("This district is not known."), _("Write one of the 13 districts, such as 武昌区."), subject=subject,
            )  # fmt: skip
        elif row.district is None:
            row.find(
                "district", Severity.REFUSAL, "district_missing",
                _("Nothing says which district he belongs to."),
                _("Add a column 区, or give the district for the whole file."),
            )  # fmt: skip
        elif not str(row.district.pk).startswith(self._within):
            row.find(
                "district", Severity.REFUSAL, "district_elsewhere",
                _("This list is taken for another district."),
                _("Give the row to the office of that district, or choose a division that holds both."),
            )  # fmt: skip
            row.district = None

    def _read_work(self, row: CourierRow) -> None:
        text = self._layout.value(row.cells, "company")
        if _is_said(text):
            subject = row.subject("company", text)
            answer = row.answer(subject)
            row.company = self._kept.company(text) or self._kept.company(answer)
            if row.company is None and not _is_nothing(answer):
                row.find(
                    "company", Severity.DOUBT, "company_unknown",
                    _("No brand of the list has this name."),
                    _did_you_mean(self._kept.companies_like(text))
                    or _("Write it as the list of brands has it, or have the city add it there."),
                    subject=subject,
                )  # fmt: skip
        text = self._layout.value(row.cells, "outlet")
        if _is_said(text) and row.district is not None:
            self._read_outlet(row, text, str(row.district.pk))

    def _read_outlet(self, row: CourierRow, text: str, district: str) -> None:
        found = self._kept.outlets(text, district)
        of_brand = [outlet for outlet in found if row.company is None or outlet.company_id == row.company.pk]
        subject = row.subject("outlet", text, district, row.company.name if row.company else "")
        answer = row.answer(subject)
        answered = self._kept.outlets(answer, district)
        if len(of_brand) == 1:
            row.outlet = of_brand[0]
        elif len(answered) == 1:
            row.outlet = answered[0]
        elif _is_nothing(answer):
            return
        elif of_brand:
            brands = _(", ").join(dict.fromkeys(outlet.company.name for outlet in of_brand))
            row.find(
                "outlet", Severity.DOUBT, "outlet_ambiguous",
                _("Several outlets of the district have this name: {brands}.").format(brands=brands),
                _("Write the brand beside it; two of one brand get names of their own in the list of outlets first."),
                subject=subject,
            )  # fmt: skip
        elif found:
            brands = _(", ").join(dict.fromkeys(outlet.company.name for outlet in found))
            row.find(
                "outlet", Severity.DOUBT, "outlet_of_another_brand",
                _("The outlet of this name belongs to another brand: {brands}.").format(brands=brands),
                _("Correct the brand or the outlet."),
                subject=subject,
            )  # fmt: skip
        else:
            like = self._kept.outlets_like(text, district, row.company)
            row.find(
                "outlet", Severity.DOUBT, "outlet_unknown",
                _("The district has no outlet of this name."),
                _did_you_mean(like) or _("Write it as the list of outlets has it, or add it there, or leave it out."),
                subject=subject,
            )  # fmt: skip

    def _read_consent(self, row: CourierRow) -> None:
        """When he agreed, or why he does not count as having agreed. What his row says overrides what is said for all."""
        agreed, on = (self._layout.value(row.cells, key) for key in ("agreed", "agreed_on"))
        key = _plain(agreed)
        if key and name_key(agreed) == name_key(row.name):
            key = "是"  # he has signed with his name
        if key in _NO:
            row.consent_refused = ("agreed", _("The row says that he has not agreed."))
            return
        if key and key not in _YES:
            if on:
                row.consent_refused = ("agreed", _("Whether he has agreed cannot be read."))
                return
            on = agreed
        if on:
            column = "agreed_on" if on is not agreed else "agreed"
            try:
                day = read_date(on)
            except Unread:
                row.consent_refused = (column, _("This is no date, and does not say that he has agreed."))
                return
            if day > clock.local_date(self._at):
                row.consent_refused = (column, _("This day is still to come."))
                return
            row.agreed_at = min(clock.local_midnight(day), self._at)
        elif key or self._said.all_agreed:
            row.agreed_at = self._at
        else:
            row.consent_refused = ("agreed", _("Nothing says that he has read the notice and agreed."))


def _read_phone(text: str) -> str:
    """Like `read_phone`, but also for a number that a program has turned into a fraction, 13800000000.0, or that has a word
    written after it, 13800000000（微信同号）.

    Raises: InvalidValue.
    """
    return read_phone(re.sub(r"(?<=\d)\.0+$|[(（][^\d()（）]+[)）]$", "", text))


def _is_note(cells: Sequence[str]) -> bool:
    """Whether the row is nothing but a sentence below the list."""
    filled = {cell for cell in cells if cell}
    return len(filled) == 1 and bool(re.match(r"[注备说填制审统截以数][：:注明表核计至止上据]", next(iter(filled))))


def _is_said(text: str) -> bool:
    return bool(_plain(text).strip("-－–—_/／\\、.。~～")) and not _is_nothing(text)


def _is_nothing(text: str) -> bool:
    return _plain(text) in _NOTHING


def _kind(text: str) -> str:
    """Whether the words mean express or food; "" if they mean neither, or both."""
    key = _plain(text)
    found = [
        kind
        for kind, words in ((Courier.Kind.EXPRESS, _EXPRESS), (Courier.Kind.FOOD_DELIVERY, _FOOD))
        if any(word in key for word in words)
    ]
    return str(found[0]) if len(found) == 1 else ""


def _did_you_mean(names: list[str]) -> str:
    return _("Perhaps {names} is meant; write it so.").format(names=_(" or ").join(names)) if names else ""
