"""Notices: one per matter and day, sent after the commit, retried, and never lost."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.db import connections, transaction

from config.checks import notices_have_a_way_out
from core import notices
from core.models import Notice
from tests.builders import NOON

DOUBT = {"matter": "station.doubted WH-WC-0001", "text": "门锁着", "recipients": ["wuchang", "steward"]}


def add(at: Any = NOON, **changes: Any) -> bool:
    return notices.add(**(DOUBT | changes), at=at)


class Receiver(BaseHTTPRequestHandler):
    """The other side: keeps what it gets and answers as it was told."""

    got: list[dict[str, Any]] = []
    status, answer = 200, b'{"errcode": 0}'

    def do_POST(self) -> None:
        Receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if Receiver.status:  # 0: what is no HTTP
            self.send_response(Receiver.status)
            self.end_headers()
        self.wfile.write(Receiver.answer)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    Receiver.got, Receiver.status, Receiver.answer = [], 200, b'{"errcode": 0}'
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db
def test_a_matter_is_told_once_a_wuhan_day() -> None:
    midnight = NOON + timedelta(hours=12)
    assert [add(), add(NOON + timedelta(hours=11, minutes=59)), add(midnight)] == [True, False, True]
    assert add(matter="station.doubted WH-WC-0002") is True
    assert Notice.objects.count() == 3
    assert Notice.objects.first().recipients == ["steward", "wuchang"]  # type: ignore[union-attr]


@pytest.mark.django_db
def test_what_is_rolled_back_is_not_told() -> None:
    with transaction.atomic():
        add()
        transaction.set_rollback(True)
    assert notices.send_due(now=NOON) == 0


@pytest.mark.django_db
def test_the_console_is_the_way_out_without_a_setting(caplog: pytest.LogCaptureFixture) -> None:
    add(path="/admin/")
    assert notices.send_due(now=NOON) == 1
    assert notices.send_due(now=NOON) == 0
    assert "门锁着" in caplog.text
    notice = Notice.objects.get()
    assert (notice.sent_at, notice.attempts, notice.next_attempt_at) == (NOON, 1, None)


@pytest.mark.django_db
def test_a_program_gets_one_document_a_notice(settings: Any, address: str) -> None:
    settings.NOTIFY, settings.PUBLIC_BASE_URL = f"post {address}", "https://fengchao.example.cn/"
    add(path="/admin/stations/")
    assert notices.send_due(now=NOON) == 1
    [document] = Receiver.got
    assert document == {
        "id": Notice.objects.get().pk,
        "matter": DOUBT["matter"],
        "text": "门锁着",
        "url": "https://fengchao.example.cn/admin/stations/",
        "recipients": ["steward", "wuchang"],
        "created_at": NOON.isoformat(),
    }


@pytest.mark.django_db
def test_a_group_robot_gets_a_text(settings: Any, address: str) -> None:
    settings.NOTIFY = f"wecom {address}"
    add()
    assert notices.send_due(now=NOON) == 1
    assert Receiver.got == [{"msgtype": "text", "text": {"content": "门锁着\nsteward、wuchang"}}]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "status", "answer", "said"),
    [
        ("post", 500, b"", "500"),
        ("wecom", 200, b'{"errcode": 93000}', "93000"),
        ("wecom", 200, b"<html>", "cannot be read"),
        ("wecom", 200, b"[]", "cannot be read"),
        ("post", 0, b"garbage\r\n\r\n", "No answer"),
    ],
)
def test_a_refusal_is_kept_and_tried_again(
    settings: Any, address: str, kind: str, status: int, answer: bytes, said: str
) -> None:
    settings.NOTIFY, Receiver.status, Receiver.answer = f"{kind} {address}", status, answer
    add()
    assert notices.send_due(now=NOON) == 0
    notice = Notice.objects.get()
    assert said in notice.last_error
    assert address not in notice.last_error
    assert notice.next_attempt_at == NOON + timedelta(minutes=1)
    assert notices.send_due(now=NOON + timedelta(seconds=59)) == 0
    assert len(Receiver.got) == 1
    Receiver.status, Receiver.answer = 200, b'{"errcode": 0}'
    assert notices.send_due(now=NOON + timedelta(minutes=1)) == 1
    notice.refresh_from_db()
    assert (notice.attempts, notice.last_error) == (2, "")


@pytest.mark.django_db
def test_nobody_at_the_address_is_a_refusal_too_and_in_the_end_it_is_given_up(settings: Any) -> None:
    settings.NOTIFY = "post http://127.0.0.1:9/"
    add()
    at = NOON
    for _attempt in range(notices.MOST_ATTEMPTS):
        assert notices.send_due(now=at) == 0
        at += timedelta(hours=6)
    notice = Notice.objects.get()
    assert (notice.attempts, notice.next_attempt_at, notice.sent_at) == (notices.MOST_ATTEMPTS, None, None)
    assert notices.send_due(now=at + timedelta(days=30)) == 0


def test_the_waits_grow_to_six_hours_and_span_more_than_a_day() -> None:
    waits = [notices.retry_after(attempts) for attempts in range(1, notices.MOST_ATTEMPTS)]
    assert waits == sorted(waits, key=lambda wait: wait or timedelta())
    assert sum((wait for wait in waits if wait), timedelta()) > timedelta(hours=14)
    assert notices.retry_after(notices.MOST_ATTEMPTS) is None


@pytest.mark.usefixtures("transactional_db")
def test_two_workers_send_a_notice_once(settings: Any, address: str) -> None:
    settings.NOTIFY = f"post {address}"
    for number in range(20):
        add(matter=f"station.doubted WH-WC-{number:04d}")
    together = threading.Barrier(4)
    sent: list[int] = []

    def work() -> None:
        try:
            together.wait()
            sent.append(notices.send_due(now=NOON))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 20
    assert len({document["id"] for document in Receiver.got}) == len(Receiver.got) == 20


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(("is_guarded", "rows"), [(True, 1), (False, 8)])
def test_of_many_at_once_one_is_written_and_without_the_constraint_all_are(is_guarded: bool, rows: int) -> None:
    if not is_guarded:
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE core_notice DROP CONSTRAINT core_notice_once_a_day")
            cursor.execute("CREATE INDEX ON core_notice (matter, day)")
    together = threading.Barrier(8)

    def tell() -> None:
        try:
            together.wait()
            if is_guarded:
                add()
            else:
                # The verb's ON CONFLICT needs the constraint; this is what it would come to without.
                Notice.objects.create(**DOUBT, day=NOON.date(), created_at=NOON)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tell) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Notice.objects.count() == rows


@pytest.mark.parametrize(
    ("value", "is_known"),
    [
        ("console", True),
        ("post https://example.cn/hook", True),
        ("wecom https://qyapi.weixin.qq.com/x", True),
        ("post http://example.cn/hook", False),
        ("wecom", False),
        ("mail https://example.cn", False),
        ("", False),
    ],
)
def test_a_way_out_that_is_none_stops_the_start(settings: Any, value: str, is_known: bool) -> None:
    settings.NOTIFY = value
    assert ([found.id for found in notices_have_a_way_out()] == []) is is_known
