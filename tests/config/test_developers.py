"""What a partner's engineer opens first: the page about the API, and the contract as a file."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.developers import CONTRACT, marked
from config.openapi import NOT_OF_AN_OPERATION, doors, problem_codes
from core.idempotency import is_kept

PAGE = "/docs/api/"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide-partners.md"


class _Targets(HTMLParser):
    """The places of a page and what its links point to inside it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.pointed_to: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002 - the parser's signature
        given = dict(attrs)
        if "id" in given:
            self.places.append(given["id"])
        if given.get("href", "").startswith("#"):
            self.pointed_to.add(given["href"][1:])


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "每件事用一个新的"), ("en", "for each thing that happened")])
def test_the_page_tells_of_every_operation_and_every_code(client: Client, language: str, said: str) -> None:
    answer = client.get(PAGE, headers={"accept-language": language})
    assert answer.status_code == 200
    html = answer.content.decode()
    assert said in html
    found = _Targets(html)
    operations = {door.operation.name for door in doors()}
    codes = {*NOT_OF_AN_OPERATION, *(code for door in doors() for code in problem_codes(door))}
    assert {*operations, *(f"code-{code}" for code in codes)} <= set(found.places)
    assert found.pointed_to <= set(found.places)
    assert len(set(found.places)) == len(found.places)
    for door in doors():
        assert door.path in html
        for parameter in door.operation.parameters:
            assert f"<code>{parameter.name}</code>" in html


@pytest.mark.parametrize(
    ("language", "told"),
    [("zh-CN", "2xx、([0-9、]+) 的应答保留 30 天"), ("en", "Answers 2xx, ([0-9, and]+) are kept for 30 days")],
)
def test_the_page_and_the_guide_tell_which_answers_are_kept(client: Client, language: str, told: str) -> None:
    refusals = {
        error.status for door in doors() if door.operation.body is not None for error in door.operation.problems
    }
    kept = {str(status) for status in refusals if is_kept(status)}
    texts = [client.get(PAGE, headers={"accept-language": language}).content.decode()]
    if language == "en":
        texts.append(" ".join(GUIDE.read_text(encoding="utf-8").split()))
    for text in texts:
        assert set(re.findall("[0-9]+", re.findall(told, text)[0])) == kept


def test_the_lines_for_the_shell_name_the_address_that_was_asked(client: Client, settings: Any) -> None:
    assert "curl http://testserver/api/v1/districts/" in client.get(PAGE).content.decode()
    settings.PUBLIC_BASE_URL = "https://fengchao.example.cn/"
    assert "curl https://fengchao.example.cn/api/v1/districts/" in client.get(PAGE).content.decode()


def test_what_stands_between_backticks_is_code_and_nothing_else_is_markup() -> None:
    assert marked("`a<b` & <i>") == "<code>a&lt;b</code> &amp; &lt;i&gt;"


def test_the_page_is_one_step_from_every_page_and_from_the_index(client: Client) -> None:
    assert f'href="{PAGE}"' in client.get("/about/").content.decode()
    assert client.get("/api/v1/").json()["docs"] == PAGE


def test_the_file_is_served_once(client: Client) -> None:
    answer = client.get("/api/v1/openapi.yaml")
    assert answer.content == CONTRACT.read_bytes()
    assert answer.headers["Content-Type"] == "application/yaml"
    again = client.get("/api/v1/openapi.yaml", headers={"if-none-match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == answer.headers["ETag"]
    other = client.get("/api/v1/openapi.yaml", headers={"if-none-match": '"another"'})
    assert other.status_code == 200
