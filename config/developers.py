"""The contract for people who write programs against the API: as a file, and as a page."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from rest_framework.request import Request

from config import openapi
from core.api.contract import Operation, Schema, Text
from core.api.paging import base_url
from core.api.parameters import Parameters
from core.api.problems import known_problems
from core.api.renderers import JSONRenderer
from core.api.scopes import ANY_KEY
from core.api.views import PublicView
from stations.views.errors import page

__all__ = ["CONTRACT", "ContractFile", "developers"]

# Written and compared by tests/config/test_contract.py.
CONTRACT = settings.BASE_DIR / "docs" / "openapi.yaml"
_CODE = re.compile("`([^`]+)`")


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _file() -> tuple[bytes, str]:
    """The contract and its mark. A new version of the program begins a new process."""
    written = CONTRACT.read_bytes()
    return written, f'"{hashlib.sha256(written).hexdigest()[:32]}"'


class _Yaml(JSONRenderer):
    """The media type of RFC 9512. Refusals are JSON here as well."""

    media_type = "application/yaml"
    format = "yaml"


class ContractFile(PublicView):
    """docs/openapi.yaml as this program serves it."""

    renderer_classes = (_Yaml,)
    max_age_s = 3_600
    operations = {
        "GET": Operation(
            name="get_contract",
            noun="contract",
            title=gettext_lazy("This contract as an OpenAPI 3.0 file"),
            meaning=gettext_lazy("In English. It is the same file as docs/openapi.yaml."),
            other_answers={_Yaml.media_type: {"type": "object"}},
        )
    }

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        written, etag = _file()
        answer = HttpResponse(written, content_type=_Yaml.media_type, headers={"ETag": etag})
        return get_conditional_response(request, etag=etag, response=answer)  # type: ignore[return-value]


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One parameter or member as the page lists it; the `name` of a nested member says where it is."""

    name: str
    kind: str
    meaning: Text
    is_required: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One recorded request, as a line for the shell, and its answer."""

    line: str
    status: int
    headers: list[tuple[str, str]]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    code: str
    status: int
    title: Text
    way_out: Text
    # Operations that may answer it, and a recorded answer.
    doors: list[str]
    is_everywhere: bool
    call: Call | None


def _kind(schema: Schema) -> str:
    """What a value is, in words."""
    match schema:
        case {"enum": values}:
            said = " · ".join(
                value if isinstance(value, str) else json.dumps(value) for value in values if value is not None
            )
        case {"anyOf": _choices}:
            said = pgettext("kind of value", "object")
        case {"type": "array", "items": items}:
            said = _("list of {kind}").format(kind=_kind(items))
        case {"format": "date-time"}:
            said = pgettext("kind of value", "instant")
        case {"format": "date"}:
            said = pgettext("kind of value", "date")
        case {"type": kind}:
            said = {
                "string": pgettext("kind of value", "text"),
                "integer": _("whole number"),
                "number": pgettext("kind of value", "number"),
                "boolean": _("true or false"),
                "object": pgettext("kind of value", "object"),
            }[kind]
        case _:
            said = ""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        said += f" {least:g}…{most:g}"
    if schema.get("nullable"):
        said += " · " + _("or null")
    return said


def _rows(schema: Schema, inside: str = "") -> Iterator[Row]:
    """The members of an object, those inside others after them."""
    if schema.get("type") == "array":
        yield from _rows(schema["items"], f"{inside}[]" if inside else "")
        return
    for number, choice in enumerate(schema.get("anyOf", ())):
        if number:
            yield Row(name=inside, kind=_("or, in its place"), meaning=marked(choice.get("description", "")))
        yield from _rows(choice, inside)
    for name, member in schema.get("properties", {}).items():
        whole = f"{inside}.{name}" if inside else name
        yield Row(
            name=whole,
            kind=_kind(member),
            meaning=marked(member.get("description", "")),
            is_required=name in schema.get("required", ()),
        )
        yield from _rows(member, whole)


def marked(said: Text) -> SafeString:
    """A text of the contract, with the parts between backticks marked up as code."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(str(said))))  # noqa: S308 - escaped before a mark is put in


def _said(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)


def _call(recorded: Mapping[str, Any], base: str) -> Call:
    request, response = recorded["request"], recorded["response"]
    parts = ["curl"] if request["method"] == "GET" else [f"curl -X {request['method']}"]
    parts[0] += " " + shlex.quote(base + request["path"])
    for name, value in request["headers"].items():
        if name == "Accept-Language":
            continue
        # In double quotes, so that the shell puts the key in.
        parts.append(f'-H "{name}: {value}"' if "$KEY" in value else f"-H {shlex.quote(f'{name}: {value}')}")
    if "body" in request:
        body = request["body"]
        parts.append("-d " + shlex.quote(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)))
    return Call(
        line=" \\\n  ".join(parts),
        status=response["status"],
        headers=list(response["headers"].items()),
        body="" if response["body"] is None else _said(response["body"]),
    )


def _operation(door: openapi.Door, examples: Mapping[str, Any], base: str) -> dict[str, Any]:
    declared = door.operation
    by_status: dict[int, list[str]] = {}
    known = known_problems()
    for code in openapi.problem_codes(door):
        by_status.setdefault(known[code].status, []).append(code)
    return {
        "declared": declared,
        "meaning": marked(declared.meaning),
        "method": door.method,
        "path": door.path,
        "scope": door.scope,
        "takes_any_key": door.scope == ANY_KEY,
        "parameters": [
            Row(
                name=each.name,
                kind=_kind(each.schema),
                meaning=marked(each.meaning),
                is_required=each.place == "path",
                example=",".join(map(str, each.example)) if isinstance(each.example, list) else str(each.example or ""),
            )
            for each in declared.parameters
        ],
        "body": list(_rows(declared.body)) if declared.body else [],
        "answer": list(_rows(declared.answer)),
        "calls": [_call(each, base) for each in examples.get(declared.name, {}).values()],
        "problems": sorted(by_status.items()),
    }


def _problems(found: list[openapi.Door], examples: Mapping[str, Any], base: str) -> list[Problem]:
    answering: dict[str, list[str]] = {code: [] for code in openapi.NOT_OF_AN_OPERATION}
    for door in found:
        for code in openapi.problem_codes(door):
            answering.setdefault(code, []).append(door.operation.name)
    known = known_problems()
    return [
        Problem(
            code=code,
            status=known[code].status,
            title=known[code].title,
            way_out=known[code].way_out,
            doors=answering[code],
            is_everywhere=len(answering[code]) in {0, len(found)},
            call=_call(examples[code], base) if code in examples else None,
        )
        for code in sorted(answering, key=lambda code: (known[code].status, code))
    ]


@page()
def developers(request: HttpRequest) -> HttpResponse:
    """The contract as a page: operations by noun, each with its parameters, a line for the shell and a real answer."""
    base = base_url(request)
    recorded = openapi.examples()
    found = list(openapi.doors())
    nouns = [
        {
            "noun": noun,
            "title": title,
            "meaning": meaning,
            "operations": [
                _operation(door, recorded["operations"], base) for door in found if door.operation.noun == noun
            ],
        }
        for noun, (title, meaning) in openapi.NOUNS.items()
    ]
    context = {
        "base": base,
        "about": [marked(sentence) for sentence in openapi.ABOUT],
        "nouns": nouns,
        "problems": _problems(found, recorded["problems"], base),
        "scopes": openapi.SCOPES,
    }
    return render(request, "config/developers.html", context)
