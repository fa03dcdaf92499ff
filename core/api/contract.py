"""How a view declares its part of the contract: what it takes, what it answers, which refusals it has.

A declaration is next to its view and is the single source: `config/openapi.py` puts all of them together, docs/openapi.yaml
and the page for programmers are written from that, and the suite checks every answer of the API against it. A schema is a
dictionary as OpenAPI 3.0 writes it; its texts are lazy, so the page says them in the reader's language.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

__all__ = [
    "COMPONENT",
    "PAGE_END",
    "Operation",
    "Parameter",
    "Schema",
    "Text",
    "choice",
    "day",
    "either",
    "fields_of",
    "instant",
    "listing",
    "members",
    "named",
    "number",
    "or_null",
    "text",
    "time_of_day",
    "truth",
    "whole",
]

Text = str | Promise
Schema = dict[str, Any]
# The mark of a schema that the document names once and refers to.
COMPONENT = "x-component"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What may be given in the query (`path`: in the path); with `is_many` several times, or separated by commas."""

    name: str
    schema: Schema
    meaning: Text
    example: Any = None
    is_many: bool = False
    place: str = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method of one address does. What all public, all keyed and all writing operations have in common, such as
    headers and the refusals of a key, is not repeated here: config/openapi.py knows it from the view."""

    name: str
    noun: str
    title: Text
    meaning: Text = ""
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    answer: Schema = field(default_factory=dict)
    # Media types of the answer besides JSON; or instead of it, if `answer` is empty.
    other_answers: Mapping[str, Schema] = field(default_factory=dict)
    problems: tuple[type[DomainError], ...] = ()

    @property
    def single(self) -> tuple[str, ...]:
        """The names of the parameters that may be given once."""
        return tuple(each.name for each in self.parameters if each.place == "query" and not each.is_many)

    @property
    def many(self) -> tuple[str, ...]:
        """The names of the parameters that may be given several times."""
        return tuple(each.name for each in self.parameters if each.is_many)


# ── Schemas ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _schema(kind: str, meaning: Text, keywords: Mapping[str, Any]) -> Schema:
    return {"type": kind, **({"description": meaning} if meaning else {}), **keywords}


def text(meaning: Text = "", **keywords: Any) -> Schema:
    return _schema("string", meaning, keywords)


def whole(meaning: Text = "", **keywords: Any) -> Schema:
    return _schema("integer", meaning, keywords)


def number(meaning: Text = "", **keywords: Any) -> Schema:
    return _schema("number", meaning, keywords)


def truth(meaning: Text = "", **keywords: Any) -> Schema:
    return _schema("boolean", meaning, keywords)


def choice(values: Collection[str], meaning: Text = "", **keywords: Any) -> Schema:
    return _schema("string", meaning, {"enum": [str(value) for value in values], **keywords})


def instant(meaning: Text = "", **keywords: Any) -> Schema:
    """A moment. Answers say it in UTC."""
    return _schema("string", meaning, {"format": "date-time", **keywords})


def day(meaning: Text = "", **keywords: Any) -> Schema:
    """A date in Wuhan."""
    return _schema("string", meaning, {"format": "date", **keywords})


def time_of_day(meaning: Text = "", **keywords: Any) -> Schema:
    """A time on a clock in Wuhan."""
    return _schema("string", meaning, {"pattern": r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$", **keywords})


def listing(items: Schema, meaning: Text = "", **keywords: Any) -> Schema:
    return _schema("array", meaning, {"items": items, **keywords})


def members(found: Mapping[str, Schema], meaning: Text = "", *, required: Collection[str] | None = None) -> Schema:
    """An object. Every member is always there, unless `required` names fewer."""
    always = list(found) if required is None else list(required)
    return _schema("object", meaning, {**({"required": always} if always else {}), "properties": dict(found)})


def or_null(schema: Schema) -> Schema:
    """`schema`, or null where it is not known."""
    more: Schema = {"nullable": True}
    if "enum" in schema:
        more["enum"] = [*schema["enum"], None]
    return schema | more


def either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def named(name: str, schema: Schema) -> Schema:
    """`schema` under a name of its own among the document's components."""
    return schema | {COMPONENT: name}


def fields_of(schema: Schema) -> tuple[str, ...]:
    """The names of an object's members."""
    return tuple(schema["properties"])


PAGE_END: Schema = or_null(
    text(_("The address of the next page, to be followed as it is; null on the last."), format="uri")
)
