"""T20: keys, tokens, passwords and what people said in confidence are nowhere except where they belong: not in the log, not
in the trail, not in notices, exports, caches or other people's pages."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from core.logs import KeylessFormatter, without_keys
from core.models import AuditEvent, Notice, User
from stations.models import VisitReport
from tests.access.asking import Answer, Ask, ask, rolled_back
from tests.access.doors import admin_cases
from tests.access.test_posted import own_effects, sent
from tests.access.walking import browser
from tests.access.world import ACCOUNTS, World
from tests.builders import spoiled
from tests.proving import IS_FULL, counted

pytestmark = pytest.mark.django_db

PASSWORD, WRONG = "kestrel-of-the-clerk", "heron-mistyped-once"
REMARK = "我住在三栋二单元"  # said at a door, to the office alone
MAIL = "li-si@example.invalid"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything the program writes down, as the handler of the settings formats it, down to the smallest."""
    written: list[str] = []
    line = settings.LOGGING["formatters"]["line"]
    formatter = KeylessFormatter(line["fmt"], style=line["style"])
    assert line["()"] == f"{KeylessFormatter.__module__}.{KeylessFormatter.__qualname__}"

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(formatter.format(record))

    handler, root = Kept(level=logging.DEBUG), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    # SQL is written down in debugging alone, by a logger that is off.
    logging.getLogger("django.db").setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


def _working_day(world: World) -> list[tuple[str, Answer]]:
    """What is done with keys and confidences: rightly, wrongly, and until it breaks."""
    answers: list[tuple[str, Answer]] = []

    def say(client: Browser, question: Ask) -> None:
        answers.append((question.path, ask(client, question)))

    user = world.users["qiaokou"]
    user.set_password(PASSWORD)
    user.save()
    for password in (WRONG, PASSWORD):
        form = {"username": "qiaokou", "password": password, "next": "/admin/"}
        say(Browser(), Ask("post", "/admin/login/", data=form))
    token, stranger = world.tokens["d"], Browser(raise_request_exception=False)
    say(stranger, Ask("get", f"/v/{token}/"))
    say(stranger, Ask("post", f"/v/{token}/", data={"outcome": "burnt", "note": REMARK}))
    say(stranger, Ask("put", f"/v/{token}/"))
    say(stranger, Ask("post", f"/v/{token}/", data={"outcome": "entered", "note": REMARK}))
    say(stranger, Ask("get", f"/v/{token}x/"))
    door = world.stations["d"].door_token
    say(stranger, Ask("get", f"/d/{door}/"))
    say(stranger, Ask("post", f"/d/{door}/"))
    strict = Browser(enforce_csrf_checks=True)
    say(strict, Ask("post", f"/v/{token}/", data={"outcome": "entered"}))
    for key in (world.keys["v"], spoiled(world.keys["v"]), world.keys["v"] + ",x"):
        question = sent(world, "v", "WH-QK-6004", "uses", {"no": "member"}, once="day")
        say(
            Browser(),
            Ask("post", question.path, headers=question.headers | {"authorization": f"Bearer {key}"}, body=b"{"),
        )
    say(Browser(), sent(world, "v", "WH-QK-6004", "uses", {}, once="day"))
    clerk = browser(world, "qiaokou")
    for question in own_effects(world, "d").values():
        with rolled_back():
            say(clerk, question)
    # What breaks is written down with its address and its traceback.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stations.visiting.link_of", _breaks)
        say(stranger, Ask("get", f"/v/{token}/"))
    return answers


def _breaks(token: str) -> None:
    raise RuntimeError(f"nobody foresaw this at /v/{token}/")


def _secrets(world: World) -> dict[str, str]:
    return {
        "password": PASSWORD,
        "mistyped password": WRONG,
        "token of a link": world.tokens["d"],
        "token of a door": world.stations["d"].door_token,
        "secret of a key": world.keys["v"].rsplit("_", 1)[-1],
        "remark": REMARK,
        "mail": MAIL,
    }


def test_the_log_names_no_secret(world: World, lines: list[str]) -> None:
    User.objects.filter(pk=world.users["qiaokou"].pk).update(email=MAIL)
    with rolled_back():
        _working_day(world)
    text = "\n".join(lines)
    assert {name for name, secret in _secrets(world).items() if secret in text} == set()
    # The lines are there, without the key.
    assert "Bad Request: /v/…/" in text
    assert "RuntimeError: nobody foresaw this at /v/…/" in text
    counted("T20", "lines of the log", secrets=len(_secrets(world)), lines=len(lines), found=0)


def test_without_the_formatter_the_log_would(world: World, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.logs.without_keys", lambda text: text)
    with rolled_back():
        _working_day(world)
    assert world.tokens["d"] in "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Not Found: /v/AbC-_12345678901234567890/", "Not Found: /v/…/"),
        ("Gone: https://a.cn/d/AbCdEfGh1234/?x=1", "Gone: https://a.cn/d/…/?x=1"),
        ("Bearer fc_live_0123456789_" + "a" * 40, "Bearer fc_live_0123456789_…"),
        ("/districts/420106/ and /v/short/", "/districts/420106/ and /v/short/"),
    ],
)
def test_what_is_a_key_in_a_line(text: str, kept: str) -> None:
    assert without_keys(text) == kept


def test_no_table_keeps_a_secret_but_its_own(world: World) -> None:
    """Every row of every table as text: a secret stands where it belongs, or nowhere."""
    own = {
        "remark": {"stations_visitreport"},
        "mail": {"core_user"},
        "token of a door": {"stations_station"},  # printed on the door
    }
    with rolled_back():
        User.objects.filter(pk=world.users["qiaokou"].pk).update(email=MAIL)
        _working_day(world)
        assert VisitReport.objects.filter(note=REMARK).exists()
        for name, secret in _secrets(world).items():
            tables = {table for table in _tables() if _stands_in(table, secret)}
            assert tables <= own.get(name, set()), name
        assert AuditEvent.objects.filter(kind="visit.reported").exists()
        assert Notice.objects.exists()
    counted("T20", "tables read row by row", tables=len(_tables()), found_where_it_does_not_belong=0)


def _tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_models(include_auto_created=True)]


def _stands_in(table: str, secret: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" t WHERE strpos(t::text, %s) > 0)', [secret])  # noqa: S608
        return bool(cursor.fetchone()[0])


def test_pages_that_hold_a_secret_are_kept_by_nobody(world: World) -> None:
    with rolled_back():
        answers = _working_day(world)
    met = 0
    for path, answer in answers:
        for name, secret in _secrets(world).items():
            if secret in answer.said or secret in answer.headers:
                met += 1
                assert name != "password", path
                assert re.search(r"Cache-Control: [^\n]*no-store", answer.headers), (path, name)
    assert met >= 2
    counted("T20", "answers that hold a secret of their own", answers=met, without_no_store=0)


def test_no_page_of_the_office_shows_what_is_shown_once(world: World) -> None:
    """Whoever may see everything finds no key, no token and no hash of a password on any page, list, history or export."""
    with rolled_back():
        User.objects.filter(pk=world.users["qiaokou"].pk).update(email=MAIL)
        _working_day(world)
        hashes = set(User.objects.exclude(password="").values_list("password", flat=True))
        never = {
            secret for name, secret in _secrets(world).items() if name not in ("remark", "mail", "token of a door")
        }
        pages = 0
        for account in ("admin", *ACCOUNTS) if IS_FULL else ("admin", "jiedao"):
            client, seen = browser(world, account), "qiaokou" if account == "admin" else account
            for model in admin.site._registry:
                for case in admin_cases(world, seen, model):
                    if case.is_own or case.door.endswith(" list ?"):
                        said = ask(client, case.asked).text
                        pages += 1
                        assert not [secret for secret in never | hashes if secret in said], (account, case.door)
            for question in _exports():
                said = ask(client, question).text
                pages += 1
                assert not [each for each in (*never, REMARK, MAIL) if each in said], (account, question.path)
        assert pages >= 90
    counted("T20", "pages, lists, histories and exports of the office", pages=pages, found=0)


def _exports() -> list[Ask]:
    listed: Any = reverse("admin:stations_station_map_listing")
    return [Ask("get", reverse("admin:stations_station_export")), Ask("get", f"{listed}?format=xlsx")]


def test_no_secret_is_a_part_of_an_address(world: World) -> None:
    """Links of pages, and where an answer leads: none holds a key, but for the page of that key itself."""
    with rolled_back():
        answers = _working_day(world)
    for path, answer in answers:
        links = [*re.findall(r'(?:href|action|src)="([^"]*)"', answer.said), answer.location]
        for name, secret in _secrets(world).items():
            assert not [link for link in links if secret in link and secret not in path], (path, name)
