"""How the tests hold the API to its contract: every answer that any test gets below /api/ is compared with it.

Stricter than the contract itself: a member or a problem code that it does not name fails the test, so that nothing new
goes out undeclared.
"""

import gzip
import json
import re
from functools import cache
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import yaml
from django.test import override_settings
from django.utils import translation
from django.utils.functional import Promise

from config.openapi import NOT_OF_AN_OPERATION, document

__all__ = ["check", "spoken", "written"]

PROBLEM = "application/problem+json"
# What is refused before the URL is resolved.
BEFORE_A_VIEW = {"bad_request", "body_too_large", "invalid_text", "query_too_long", "server_error", "unavailable"}


class _Dumper(yaml.SafeDumper):
    """Writes each part out in place, and texts in the current language."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_multi_representer(Promise, lambda dumper, said: dumper.represent_str(str(said)))


def written() -> str:
    """docs/openapi.yaml as it should be."""
    with translation.override("en"):
        return (
            "# Written by tests/config/test_contract.py from what the views declare; RECORD_CONTRACT=1 writes it anew.\n"
            + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
        )


@cache
def spoken() -> Any:
    """The document as a program reads it: plain texts, in English. With the project's URLs, whatever a test has set."""
    with override_settings(ROOT_URLCONF="config.urls"):
        return yaml.safe_load(written())


def _strict(node: Any) -> Any:
    """Schemas of OpenAPI 3.0 as JSON Schema has them, and closed."""
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _strict(value) for name, value in node.items() if name not in {"example", "examples"}}
    if made.pop("nullable", False) is True:
        made["type"] = [made["type"], "null"]
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


@cache
def _components() -> Any:
    return {"schemas": _strict(spoken()["components"]["schemas"])}


@cache
def _addresses() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in spoken()["paths"]]


@cache
def _validator(path: str, method: str, status: str, media_type: str) -> Any:
    schema = spoken()["paths"][path][method]["responses"][status]["content"][media_type]["schema"]
    return jsonschema_rs.Draft202012Validator(_strict(schema) | {"components": _components()}, validate_formats=True)


def check(method: str, path: str, response: Any) -> None:
    """Compare one answer with the contract."""
    said = f"{method} {path} answered {response.status_code}"
    kind = response.headers.get("Content-Type", "")
    found = next((name for pattern, name in _addresses() if pattern.fullmatch(path)), None)
    operations = spoken()["paths"].get(found, {})
    if method == "OPTIONS" and response.status_code == HTTPStatus.NO_CONTENT:
        return
    method = "get" if method == "HEAD" else method.lower()
    if method not in operations:
        assert kind == PROBLEM, f"{said} as {kind}"
        code = response.json()["code"]
        assert code in {*BEFORE_A_VIEW, *NOT_OF_AN_OPERATION}, f"{said}: {code} at no operation"
        return
    declared = operations[method]["responses"].get(str(response.status_code))
    assert declared, f"{said}, which the contract does not name"
    for name, header in declared.get("headers", {}).items():
        assert name in response.headers or not header.get("required"), f"{said} without {name}"
    sent = response.content
    if response.headers.get("Content-Encoding") == "gzip":
        sent = gzip.decompress(sent)
    if not sent:
        return
    assert kind in declared.get("content", {}), f"{said} as {kind}"
    if kind.endswith("json"):
        validator = _validator(str(found), method, str(response.status_code), kind)
        error = next(iter(validator.iter_errors(json.loads(sent))), None)
        assert error is None, f"{said}; {'.'.join(map(str, error.instance_path))}: {error.message}"
