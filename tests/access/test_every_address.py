"""T14, at every URL of the URLconf: no form is accepted without its token, and nothing leads to another site."""

import pytest
from django.test import Client as Browser

from tests.access.asking import Ask, altered, ask, everything, rolled_back
from tests.access.table import filled_in, patterns, row_of
from tests.access.walking import browser, quiet
from tests.access.world import World
from tests.proving import counted, times

pytestmark = pytest.mark.django_db

# What leads away if it is believed. The office's own pages send `next`, `_popup` and the like.
AWAY = (
    "//evil.invalid", "///evil.invalid", "https://evil.invalid/", "http:evil.invalid", "https:/evil.invalid", "/\\evil.invalid",
    "\\\\evil.invalid", "//evil.invalid\\@testserver", "javascript:alert(1)", "data:text/html,x", "//testserver@evil.invalid/",
    "http://testserver.evil.invalid/", "\t//evil.invalid", "/\t/evil.invalid", "//evil%E3%80%82invalid", "ftp://testserver/",
)  # fmt: skip
NAMES = ("next", "back", "redirect_to", "url", "return")


def every_path(world: World) -> dict[str, str]:
    """An address for each pattern: where a key is asked for, one of 武昌's."""
    paths = {}
    for pattern in patterns():
        row = row_of(pattern)
        assert row is not None
        found = world.of(row.of, "ambkux") if row.of is not None else []
        key = row.key(found[0]) if found else ""
        paths[pattern] = "/" + filled_in(pattern, key, *row.rest(key))
    return paths


def test_no_form_is_taken_without_its_token(world: World) -> None:
    posts = 0
    for account in ("admin", "wuchang", "anonymous"):
        client = browser(world, account)
        client.handler.enforce_csrf_checks = True
        for pattern, path in every_path(world).items():
            with rolled_back(), quiet():
                before = everything()
                answer = ask(client, Ask("post", path, data={"post": "yes", "username": "admin", "password": "x"}))
                assert altered(before, everything()) == set(), path
            posts += 1
            if pattern.startswith("api/"):
                # No cookie means anything there: it asks for a key, or is only read.
                assert answer.status in (401, 405), path
            else:
                assert answer.status == 403, path
            assert answer.lacking == (), path
    assert posts >= 300
    counted("T14", "POSTs without the form's token", posts=posts, taken=0, answers_without_a_header=0)


def test_nothing_leads_away(world: World) -> None:
    asked = led = 0
    clients = {account: browser(world, account) for account in ("wuchang", "anonymous")}
    paths = every_path(world)
    leading = {pattern: path for pattern, path in paths.items() if "<path:object_id>" not in pattern}
    for number, (pattern, path) in enumerate(leading.items()):
        away = (
            AWAY
            if pattern in ("preferences/", "i18n/setlang/", "admin/login/", "admin/logout/")
            else AWAY[number % 16 :][: times(1, 16)]
        )
        for account, client in clients.items():
            for value in away:
                for method in ("get", "post"):
                    data = dict.fromkeys(NAMES, value) | {"language": "en", "text": "big"}
                    with rolled_back(), quiet():
                        answer = ask(client, Ask(method, path, data=data, headers={"referer": value.strip()}))
                    asked += 1
                    led += bool(answer.location)
                    assert "evil" not in answer.location.split("?")[0], (account, method, path, value)
                    assert answer.lacking == (), (account, method, path, value)
    assert asked >= 350
    assert led >= 100
    counted("T14", "addresses asked to lead away", asked=asked, redirects=led, led_away=0)


def test_signing_in_leads_home(world: World) -> None:
    user = world.users["wuchang"]
    with rolled_back(), quiet():
        user.set_password("of-the-clerk-of-wuchang")
        user.save()
        for value in (*AWAY, "/admin/stations/station/"):
            form = {"username": "wuchang", "password": "of-the-clerk-of-wuchang", "next": value}
            answer = ask(Browser(), Ask("post", "/admin/login/", data=form))
            assert answer.status == 302, value
            assert answer.location == (value if value.startswith("/admin") else "/admin/"), value
