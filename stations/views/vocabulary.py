"""What the filters offer: all amenities, the districts, and the divisions in the district that was asked for. One statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString, mark_safe

from core import prepared

__all__ = ["Vocabulary", "options", "ticks", "vocabulary"]

_SQL = """
SELECT 'amenity', code, name, name_en, position FROM stations_amenity
UNION ALL
SELECT level, code, name, name_en, 0 FROM stations_division
 WHERE level = 'district' OR level = 'subdistrict' AND left(code, 6) = ANY(%(districts)s::text[]) OR code = ANY(%(codes)s::text[])
ORDER BY 5, 2
"""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names by code, in the language of the page and in their order."""

    amenities: dict[str, str]
    districts: dict[str, str]
    subdistricts: dict[str, str]
    others: dict[str, str]

    @property
    def divisions(self) -> set[str]:
        """The codes that a look-up may name."""
        return {*self.districts, *self.subdistricts, *self.others}

    def division_name(self, code: str) -> str:
        return self.districts.get(code) or self.subdistricts.get(code) or self.others.get(code) or code


def vocabulary(codes: Iterable[str] = (), *, in_english: bool) -> Vocabulary:
    """`codes` are the divisions that a URL names; they may be any text."""
    asked = list(codes)
    rows = prepared.fetch(_SQL, {"codes": asked, "districts": [code[:6] for code in asked]}, keep_plan=True)
    by_kind: dict[str, dict[str, str]] = {"amenity": {}, "district": {}, "subdistrict": {}}
    others: dict[str, str] = {}
    for kind, code, name, name_en, _position in rows:
        by_kind.get(kind, others)[code] = name_en if in_english and name_en else name
    return Vocabulary(by_kind["amenity"], by_kind["district"], by_kind["subdistrict"], others)


def options(names: dict[str, str], chosen: str) -> SafeString:
    """The options of a select; the selected one is `chosen`, or contains it."""
    return mark_safe(  # noqa: S308 - escaped
        "".join(
            f'<option value="{escape(code)}"{" selected" if chosen.startswith(code) else ""}>{escape(name)}</option>'
            for code, name in names.items()
        )
    )


def ticks(field: str, names: dict[str, str], chosen: Iterable[str]) -> SafeString:
    """A tick box for each name."""
    chosen = set(chosen)
    return mark_safe(  # noqa: S308 - escaped
        "".join(
            f'<label class="tick"><input type="checkbox" name="{field}" value="{escape(code)}"'
            f"{' checked' if code in chosen else ''}>{escape(name)}</label>"
            for code, name in names.items()
        )
    )
