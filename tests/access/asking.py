"""Asking a question at a door, and what can be learnt from the answer."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote as percent

from django.apps import apps
from django.contrib.admin.utils import quote
from django.db import connection, transaction
from django.test import Client

__all__ = ["Answer", "Ask", "altered", "ask", "everything", "leaks", "rolled_back", "written"]

# What every answer carries, whatever it is (T14). The policy is checked separately.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": ("same-origin", "strict-origin"),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": ("same-origin", "cross-origin"),
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=()",
}
POLICY = ("default-src 'self'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
_TOKEN = re.compile(r'(name="csrfmiddlewaretoken" value=")\w+')
_MADE_AT = re.compile(r"<dcterms:\w+[^>]*>[^<]*<")  # in a workbook
# Our own URLs: // and /\ at the beginning would lead a browser to another host.
_OWN_ADDRESS = re.compile(r"^(?:/(?![/\\])|http://testserver/|\?|#)")


@dataclass(frozen=True)
class Ask:
    """One question. `about` are the keys that it asks for, which the answer may repeat."""

    method: str
    path: str
    data: dict[str, Any] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, eq=False)
class Answer:
    """What came back: everything that can be read in it, except what was asked for."""

    status: int
    said: str
    messages: str
    location: str
    content_type: str
    headers: str
    lacking: tuple[str, ...]  # what every answer must have, but this one lacks

    def is_told_from(self, other: "Answer") -> bool:
        """Whether anybody can tell the two apart."""
        mine, others = (
            (each.status, each.said, each.messages, each.location, each.content_type) for each in (self, other)
        )
        return mine != others

    @property
    def text(self) -> str:
        return f"{self.said}\n{self.messages}\n{self.location}\n{self.headers}"


def ask(client: Client, question: Ask) -> Answer:
    """The answer to `question`, with the question's own words removed. Afterwards the browser is as it was before."""
    cookies = deepcopy(client.cookies)
    send = getattr(client, question.method)
    if question.body:
        response = send(question.path, question.body, content_type="application/json", headers=question.headers)
    else:
        response = send(question.path, question.data, headers=question.headers)
    client.cookies = cookies
    content = b"".join(response.streaming_content) if response.streaming else response.content
    said = _readable(content, response.headers.get("Content-Type", ""))
    # What a verb reports on the next page is part of its answer.
    request = getattr(response, "wsgi_request", None)
    told = "\n".join(map(str, getattr(request, "_messages", ()) if request is not None else ()))
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    headers += "\n" + response.cookies.output()
    return Answer(
        status=response.status_code,
        said=_without(_TOKEN.sub(r"\1", said), question.about),
        messages=_without(told, question.about),
        location=_without(response.headers.get("Location", ""), question.about),
        content_type=response.headers.get("Content-Type", ""),
        headers=_without(headers, question.about),
        lacking=tuple(_lacking(response.headers)),
    )


def _readable(content: bytes, kind: str) -> str:
    """All that is written in the answer; for a workbook, what is written in its parts."""
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
            return _MADE_AT.sub("", parts)
    text = content.decode("utf-8", "replace")
    if "json" in kind and "\\u" in text:
        text += text.encode("utf-8", "replace").decode("unicode_escape", "replace")
    return text


def _without(text: str, keys: Iterable[str]) -> str:
    for key in sorted(keys, key=len, reverse=True):
        for written in {key, quote(key), percent(key, safe=""), key.lower()} - {""}:
            # Whole words: the code of a district begins those of its parts. An escaped character, such as %2F, may precede it.
            begins = r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-F][0-9A-F]))"
            text = re.sub(rf"{begins}{re.escape(written)}(?![0-9A-Za-z])", "‹key›", text)
    return text


def leaks(answer: Answer, canaries: Iterable[str]) -> list[str]:
    """Those of `canaries` that can be read in the answer."""
    text = answer.text
    return [canary for canary in canaries if canary in text]


def _lacking(headers: Any) -> Iterator[str]:
    """The headers that the answer lacks, and the redirect if it leads to another host."""
    for name, value in HEADERS.items():
        if headers.get(name) not in ((value,) if isinstance(value, str) else value):
            yield name
    policy = headers.get("Content-Security-Policy", "")
    yield from (part for part in POLICY if part not in policy)
    if "unsafe" in policy:
        yield "a policy without “unsafe”"
    location = headers.get("Location", "")
    if location and not _OWN_ADDRESS.match(location):
        yield f"an address of ours: {location}"


# ── Effects ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# Who is signed in, and how often somebody called: no data that anybody keeps.
_ASIDE = {"django_session", "core_counter"}


def everything() -> dict[tuple[str, str], str]:
    """A digest of every row of every table: (table, key) → MD5."""
    tables = [
        (model._meta.db_table, model._meta.pk.column)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.db_table not in _ASIDE
    ]
    parts = [f'SELECT \'{table}\', "{key}"::text, md5(t::text) FROM "{table}" t' for table, key in tables]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {(table, key): digest for table, key, digest in cursor.fetchall()}


def altered(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> set[tuple[str, str]]:
    """The rows that were added, removed or changed."""
    return {row for row in before.keys() | after.keys() if before.get(row) != after.get(row)}


def written(table: str, key: str) -> str:
    """All that is written in a row."""
    column = next(
        model._meta.pk.column for model in apps.get_models(include_auto_created=True) if model._meta.db_table == table
    )
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT t::text FROM "{table}" t WHERE "{column}"::text = %s', [key])  # noqa: S608 - our own names
        found = cursor.fetchone()
        return str(found[0]) if found else ""


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever is done inside is undone at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
