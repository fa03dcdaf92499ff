"""The contract of the API as one OpenAPI 3.0 document, put together from the addresses and what each view declares.

docs/openapi.yaml is this document in English, written and compared by tests/config/test_contract.py; the page for
programmers (config/developers.py) shows it in the reader's language. 3.0, since QGIS asks for it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core import idempotency, limits
from core.api import errors, parameters
from core.api.contract import COMPONENT, Operation, Parameter, Schema, Text, listing, members, text, whole
from core.api.problems import MEDIA_TYPE as PROBLEM
from core.api.problems import known_problems
from core.api.scoped import ScopedView
from core.api.scopes import ANY_KEY
from partners.models import Scope

__all__ = [
    "ABOUT",
    "EXAMPLES",
    "NOT_OF_AN_OPERATION",
    "NOUNS",
    "SCOPES",
    "Door",
    "document",
    "doors",
    "examples",
    "problem_codes",
]

# Real answers, recorded by tests/config/test_contract.py.
EXAMPLES = settings.BASE_DIR / "docs" / "api-examples.json"

NOUNS: dict[str, tuple[Text, Text]] = {
    "stations": (pgettext_lazy("API", "Stations"), _("Where one can rest, and whether one can get in.")),
    "districts": (pgettext_lazy("API", "Districts"), _("The 13 districts of Wuhan and what each has.")),
    "divisions": (
        pgettext_lazy("API", "Divisions and zones"),
        _("The tree from the city down to the 社区, and what lies across it."),
    ),
    "amenities": (pgettext_lazy("API", "Amenities"), _("What stations have, by codes.")),
    "confirmations": (pgettext_lazy("API", "Confirmations"), _("What somebody found at a station's door.")),
    "uses": (pgettext_lazy("API", "Uses"), _("How many came to rest.")),
    "gifts": (pgettext_lazy("API", "Gifts"), _("What can be had for points, and where.")),
    "couriers": (pgettext_lazy("API", "Couriers"), _("Who earns and takes: registered, looked up, always masked.")),
    "accounts": (pgettext_lazy("API", "Accounts"), _("How many points a courier has, and what moved them.")),
    "awards": (pgettext_lazy("API", "Awards"), _("Points for deeds, and their taking back.")),
    "redemptions": (
        pgettext_lazy("API", "Redemptions"),
        _("Gifts ordered, handed over and cancelled, and the passes for it."),
    ),
    "callers": (_("Your program"), _("What a key is and may do.")),
    "problems": (pgettext_lazy("API", "Problems"), _("What the codes of refusals mean.")),
    "contract": (_("The contract"), _("Where to begin, and this document as a file.")),
}

SCOPES: dict[str, Text] = {scope.value: scope.label for scope in Scope}

# ── The refusals that operations have in common ─────────────────────────────────────────────────────────────────────

# Of whatever is asked.
_ALWAYS = (
    "bad_request", "invalid_text", "query_too_long", parameters.UnknownParameter.code, errors.PreconditionFailed.code,
    errors.MatchAny.code, errors.BodyTooLarge.code, "server_error",
    errors.Unavailable.code,
)  # fmt: skip
_OF_A_LOOK_UP = (errors.NotAcceptable.code,)
_OF_A_KEY = tuple(
    error.code
    for error in (
        errors.KeyMissing, errors.KeyMalformed, errors.AuthorizationRepeated, errors.KeyUnknown, errors.KeyExpired,
        errors.KeyRevoked, errors.ClientInactive, limits.TooMany,
    )
)  # fmt: skip
_OF_A_WRITE = tuple(
    error.code
    for error in (
        idempotency.KeyNotGiven, idempotency.KeyInvalid, idempotency.KeyForAnotherRequest, idempotency.TwinInFlight,
        idempotency.DatabaseBusy,
        errors.UnsupportedMediaType, errors.BodyMissing, errors.BodyNoUtf8, errors.BodyTooDeep,
        errors.BodyNoJson, errors.BodyNoObject, errors.NumberNotFinite, errors.NulInText, errors.LoneSurrogate,
        errors.MemberRepeated, errors.UnknownMember,
    )
)  # fmt: skip
# Refusals of an unknown address, or of a method that an address does not have, belong to no operation.
NOT_OF_AN_OPERATION = ("not_found", "method_not_allowed")

_PROBLEM_SCHEMA = members(
    {
        "type": text(_("The address at which the code is explained, in both languages."), format="uri-reference"),
        "status": whole(minimum=400, maximum=599),
        "code": text(_("The promise to your program: it stays.")),
        "title": text(_("What is wrong, for people, in the language of the answer.")),
        "detail": text(_("The way out of the case at hand.")),
        "parameter": text(_("The parameter or member that is meant; a member inside another as outer.inner.")),
        "value": text(_("The value that cannot be used, up to 100 characters of it.")),
        "did_you_mean": text(_("The known name that was probably meant.")),
        "scope": text(_("The scope that is needed.")),
        "retry_after_s": whole(_("How many seconds to wait, as Retry-After says."), minimum=0),
        "limit": whole(_("How many are allowed: calls in the window, gifts in a month, points at once.")),
        "balance": whole(_("How many there are: points, or pieces."), minimum=0),
        "needed": whole(_("How many are needed."), minimum=0),
        "left": whole(_("How many points are left to give today."), minimum=0),
        "price": whole(_("What the gift costs now."), minimum=1),
        "tries_left": whole(_("How many more PINs are listened to for now."), minimum=0),
        "found": text(_("What the redemption is.")),
        "station": text(_("The station that is meant.")),
        "gift": text(_("The gift that is meant.")),
        "action": text(_("The action that is meant.")),
        "matter": text(_("The matter that has earned already.")),
        "notice_version": text(_("The version of the notice that holds.")),
        "most_bytes": whole(_("How large a body may be.")),
        "most_levels": whole(_("How deeply a body may be nested.")),
        "supported": listing(text(), _("The media types that are to be had.")),
    },
    _("A refusal (RFC 9457)."),
    required=("type", "status", "code", "title"),
)

_HEADERS: dict[str, tuple[Text, Schema]] = {
    "Cache-Control": (_("How long the answer may be kept on the way; no-store for what is said to one caller."), text()),
    "Access-Control-Allow-Origin": (_("A page of any site may ask."), text()),
    "ETag": (_("The mark of this state; sent back in If-None-Match it saves the answer."), text()),
    "RateLimit-Policy": (_("How many calls a window of seconds allows, such as \"calls\";q=120;w=60."), text()),
    "RateLimit": (_("How many calls are left, for how many seconds more, such as \"calls\";r=87;t=21."), text()),
    "Retry-After": (_("How many seconds to wait."), whole(minimum=0)),
    "WWW-Authenticate": (_("How to say who calls."), text()),
    "Idempotent-Replayed": (_("true: this is the answer of the first sending, given again."), text(enum=["true"])),
}  # fmt: skip

_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "description": _("The language of names of things and of messages: zh-CN or en. Codes are the same in both."),
    "schema": {"type": "string"},
    "example": "zh-CN",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": _("The ETag of the answer that you have: 304 without a body if it is still true."),
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": _(
        "A new random text for each thing that happened, such as a UUID, and the same one when the request is repeated. The first answer comes again, to the byte; it is kept for 30 days. That holds for refusals 404, 409 and 410 too: what may go well later is tried with a new key."
    ),
    # Without the comma by which servers join repeated headers.
    "schema": {"type": "string", "pattern": r"^[!#-+\--\[\]-~]{1,100}$"},
    "example": "6a1f6b0e-6f9a-4f0e-9d6d-0f6f0c8a2c11",
}
ABOUT: tuple[Text, ...] = (
    _("Look-ups need no key; writing needs one, with a scope."),
    _("JSON in UTF-8. Codes are English and stay; names and messages follow `Accept-Language`."),
    _("Instants in answers are UTC and end in Z; days, times of day and hours are those of Wuhan."),
    _("Positions are WGS-84 unless you ask otherwise. What you send says its datum."),
    _("An unknown parameter or member is refused with a hint, never ignored."),
    _("Ignore members of answers that you do not know: new ones may come. Nothing else changes under this address."),
)


def _sentences() -> str:
    return "\n".join(f"* {sentence}" for sentence in ABOUT)


INFO = {
    "title": _("江城蜂巢: rest stations for Wuhan's couriers"),
    "version": "1",
    "description": lazy(_sentences, str)(),
    "license": {"name": "MIT"},
}


class Door(NamedTuple):
    """One method of one address: what the contract calls an operation."""

    path: str
    method: str
    view: Any
    operation: Operation

    @property
    def is_keyed(self) -> bool:
        return issubclass(self.view, ScopedView)

    @property
    def scope(self) -> str:
        """The scope it needs, `ANY_KEY` where any key does; empty for the public."""
        return str(self.view.required_scopes[self.method]) if self.is_keyed else ""


_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


def doors() -> Iterator[Door]:
    """Every method of every address below /api/, in the order of the addresses.   Raises: LookupError for one whose view
    declares nothing."""

    def walk(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            address = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif isinstance(pattern, URLPattern) and address.startswith("api/"):
                yield "/" + _CONVERTER.sub(r"{\1}", address), getattr(pattern.callback, "cls", None)

    for path, view in walk(get_resolver().url_patterns, ""):
        methods = [name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)]
        declared = getattr(view, "operations", {})
        if not methods or set(methods) != set(declared):
            raise LookupError(f"{path}: the view answers {methods} and its contract declares {sorted(declared)}.")
        for method in methods:
            yield Door(path, method, view, declared[method])


def problem_codes(door: Door) -> tuple[str, ...]:
    """The code of every refusal that `door` may answer, by status."""
    operation = door.operation
    codes = {*_ALWAYS, *(error.code for error in operation.problems)}
    if operation.single:
        codes |= {parameters.ParameterRepeated.code}
    codes |= set(_OF_A_KEY if door.is_keyed else _OF_A_LOOK_UP)
    if door.is_keyed and door.scope != ANY_KEY:
        codes |= {errors.ScopeMissing.code}
    if operation.body is not None:
        codes |= set(_OF_A_WRITE)
        if operation.body.get("required"):
            codes |= {errors.MemberMissing.code}
    known = known_problems()
    return tuple(sorted(codes, key=lambda code: (known[code].status, code)))


# ── The document ────────────────────────────────────────────────────────────────────────────────────────────────────


def _header(name: str, *, is_required: bool) -> dict[str, Any]:
    # A reference cannot carry `required`, so it stands in the component's place only where it holds.
    meaning, schema = _HEADERS[name]
    if is_required:
        return {"description": meaning, "required": True, "schema": schema}
    return {"$ref": f"#/components/headers/{name}"}


def _headers(door: Door, status: int) -> dict[str, Any]:
    """The headers of an answer. Those that a middleware's refusal lacks are promised only for successful answers."""
    is_good = status < 300
    found: dict[str, bool] = {}
    if door.is_keyed:
        if status != 401:
            found |= {"RateLimit-Policy": is_good, "RateLimit": is_good}
        if status == 401:
            found["WWW-Authenticate"] = True
        if door.operation.body is not None and (status < 500 and idempotency.is_kept(status)):
            found["Idempotent-Replayed"] = False
    elif is_good:
        found |= {"ETag": True, "Access-Control-Allow-Origin": True}
    if status in {409, 429, 503}:
        found["Retry-After"] = status != 409
    found["Cache-Control"] = is_good
    return {name: _header(name, is_required=is_required) for name, is_required in found.items()}


class _Writer:
    """Puts the parts together, and keeps the named schemas apart."""

    def __init__(self, examples: Mapping[str, Any]) -> None:
        self.examples = examples
        self.schemas: dict[str, Any] = {"Problem": _PROBLEM_SCHEMA}

    def placed(self, node: Any) -> Any:
        """`node` with each named schema moved to the components and referred to."""
        if isinstance(node, dict):
            name = node.get(COMPONENT)
            plain = {key: self.placed(value) for key, value in node.items() if key != COMPONENT}
            if name is None:
                return plain
            if self.schemas.setdefault(name, plain) != plain:
                raise ValueError(f"Two schemas are called {name}.")
            return {"$ref": f"#/components/schemas/{name}"}
        return [self.placed(each) for each in node] if isinstance(node, list) else node

    def parameter(self, parameter: Parameter) -> dict[str, Any]:
        written: dict[str, Any] = {"name": parameter.name, "in": parameter.place, "description": parameter.meaning}
        if parameter.place == "path":
            written["required"] = True
        if parameter.is_many:
            written |= {"style": "form", "explode": True}
        written["schema"] = self.placed(parameter.schema)
        if parameter.example is not None:
            written["example"] = parameter.example
        return written

    def good_answer(self, door: Door) -> tuple[int, dict[str, Any]]:
        status = 201 if door.method == "POST" else 200
        schemas = {"application/json": door.operation.answer} if door.operation.answer else {}
        content: dict[str, Any] = {
            media_type: {"schema": self.placed(schema)}
            for media_type, schema in (schemas | dict(door.operation.other_answers)).items()
        }
        for name, each in self.examples["operations"].get(door.operation.name, {}).items():
            response = each["response"]
            # What was recorded for a media type that has been removed since is left out until it is recorded again.
            if response["status"] == status and response["body"] is not None and response["media_type"] in content:
                said = {"summary": f"{each['request']['method']} {each['request']['path']}", "value": response["body"]}
                content[response["media_type"]].setdefault("examples", {})[name] = said
        return status, {
            "description": HTTPStatus(status).phrase,
            "headers": _headers(door, status),
            "content": content,
        }

    def refusal(self, door: Door, status: int, codes: Collection[str]) -> dict[str, Any]:
        return {
            "description": ", ".join(codes),
            "headers": _headers(door, status),
            "content": {
                PROBLEM: {
                    "schema": {
                        "allOf": [
                            {"$ref": "#/components/schemas/Problem"},
                            {"properties": {"code": {"enum": list(codes)}}},
                        ]
                    },
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
                }
            },
        }

    def operation(self, door: Door) -> dict[str, Any]:
        declared = door.operation
        written: dict[str, Any] = {
            "operationId": declared.name,
            "tags": [declared.noun],
            "summary": declared.title,
        }
        if declared.meaning:
            written["description"] = declared.meaning
        if door.is_keyed:
            written |= {"security": [{"key": []}], "x-scope": door.scope}
        else:
            written["security"] = []
        written["parameters"] = [self.parameter(each) for each in declared.parameters]
        written["parameters"].append({"$ref": "#/components/parameters/Accept-Language"})
        if not door.is_keyed:
            written["parameters"].append({"$ref": "#/components/parameters/If-None-Match"})
        if declared.body is not None:
            written["parameters"].append({"$ref": "#/components/parameters/Idempotency-Key"})
            content: dict[str, Any] = {"schema": self.placed(declared.body | {"additionalProperties": False})}
            examples = self.examples["operations"].get(declared.name, {})
            if examples:
                content["examples"] = {name: {"value": each["request"]["body"]} for name, each in examples.items()}
            written["requestBody"] = {"required": True, "content": {"application/json": content}}
        known = known_problems()
        status, answer = self.good_answer(door)
        responses = {str(status): answer}
        if not door.is_keyed:
            responses["304"] = {"description": "Not Modified", "headers": {"ETag": _header("ETag", is_required=True)}}
        by_status: dict[int, list[str]] = {}
        for code in problem_codes(door):
            by_status.setdefault(known[code].status, []).append(code)
        for status, codes in sorted(by_status.items()):
            responses[str(status)] = self.refusal(door, status, codes)
        written["responses"] = responses
        return written


@cache
def examples() -> dict[str, Any]:
    """The recorded requests and answers: those of operations by operation and name, those of problems by code."""
    found: dict[str, Any] = orjson.loads(EXAMPLES.read_bytes()) if EXAMPLES.exists() else {}
    return {"operations": {}, "problems": {}} | found


@cache
def document() -> dict[str, Any]:
    """The contract. Its texts are lazy, so they appear in the reader's language."""
    writer = _Writer(examples())
    paths: dict[str, Any] = {}
    codes: set[str] = set(NOT_OF_AN_OPERATION)
    for door in doors():
        paths.setdefault(door.path, {})[door.method.lower()] = writer.operation(door)
        codes |= set(problem_codes(door))
    return {
        "openapi": "3.0.3",
        "info": INFO,
        "servers": [
            {"url": "/", "description": _("where you read this")},
            {"url": "http://127.0.0.1:8000/", "description": "make demo"},
        ],
        "tags": [{"name": noun, "description": meaning, "x-title": title} for noun, (title, meaning) in NOUNS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "fc_live_… / fc_sandbox_…",
                    "description": _(
                        "A partner's key. What it may do are scopes; each operation names the one it needs."
                    ),
                    "x-scopes": SCOPES,
                }
            },
            "parameters": {each["name"]: each for each in (_LANGUAGE, _IF_NONE_MATCH, _IDEMPOTENCY_KEY)},
            "headers": {
                name: {"description": meaning, "schema": schema} for name, (meaning, schema) in _HEADERS.items()
            },
            "schemas": dict(sorted(writer.schemas.items())),
            "examples": {
                code: {
                    "summary": known_problems()[code].title,
                    "value": writer.examples["problems"][code]["response"]["body"],
                }
                for code in sorted(codes)
                if code in writer.examples["problems"]
            },
        },
    }
