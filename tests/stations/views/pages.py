"""How tests read pages: an ordinary browser that speaks Chinese, and the parts of the HTML that matter."""

import re
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from core import clock
from tests.builders import NOON

__all__ = ["at", "browser", "card_codes", "links", "read", "text"]


def browser(**options: Any) -> Client:
    """A new phone, without any cookie."""
    return Client(headers={"accept-language": "zh-CN,zh;q=0.9"}, **options)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime = NOON) -> None:
    """Stop the doors' clock at this moment."""
    monkeypatch.setattr(clock, "now", lambda: moment)


def read(response: Any, *, status: int = 200) -> str:
    assert isinstance(response, HttpResponse)
    assert response.status_code == status, response.content.decode()[:500]
    return response.content.decode()


def card_codes(html: str) -> list[str]:
    """The stations of the list, in order."""
    return re.findall(r'<li class="card" data-station="([^"]+)"', html)


def links(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]


def text(html: str) -> str:
    """What people read: without tags and scripts, spaces collapsed."""
    html = re.sub(r"<(script|template|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
