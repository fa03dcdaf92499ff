"""A town of its own for the chaos (T04): its PostgreSQL, its gunicorn, its partners' programs, and what is done to them.

Run as a program (`python -m tests.points.chaos`) it makes the tables and rows in the database of DATABASE_URL, which is
then nobody's test database, and prints as JSON what the programs need to know.
"""

import contextlib
import http.client
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from config.embedded_postgres.cluster import Cluster

__all__ = ["Answer", "Program", "Service", "Told"]

ROOT = Path(__file__).resolve().parents[2]
DATABASE, ROLE, PIN = "chaos", "fengchao_app", "482915"
WORKERS, THREADS = 2, 8
PROGRAMS = 4  # each of which may call 6,000 times a minute
COURIERS, POOR = 8, 2
BACK_WITHIN_S = 5
PATIENCE_S = 60


# ── The service ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """PostgreSQL and gunicorn, as a district runs them: the server's role is not the owner of the tables."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder / "postgres")
        self.port = _free_port()
        self.log = folder / "gunicorn.log"
        self.told: Any = None
        self._server: subprocess.Popen[bytes] | None = None

    def environment(self, user: str) -> dict[str, str]:
        line = self.cluster.connection_params
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"postgres://{user}@/{DATABASE}",
            "PGHOST": line["host"],
            "PGPORT": line["port"],
            "LOG_LEVEL": "ERROR",
            "DEBUG": "off",
            "HTTPS": "off",
            "COURIER_KEYS": "1:" + b64encode((b"of the chaos alone, and no secret" * 2)[:64]).decode(),
            "COURIER_INDEX_KEY": b64encode(b"of the chaos alone, and no secret").decode(),
            "LEDGER_SEAL_KEY": "of the chaos alone, and no secret",
        }

    def start(self) -> None:
        self.cluster.start(DATABASE)
        done = subprocess.run(
            [sys.executable, "-m", "tests.points.chaos"], cwd=ROOT, env=self.environment("postgres"),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.told = json.loads(done.stdout.splitlines()[-1])
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}",
                    "--workers", str(WORKERS), "--worker-class", "gthread", "--threads", "4", "--log-level", "critical",
                ],
                cwd=ROOT, env=self.environment(ROLE), start_new_session=True, stdout=log, stderr=log,
            )  # fmt: skip
        self.wait_until_it_writes()

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self._server.pid, signal.SIGKILL)
                self._server.wait()
        self.cluster.stop("immediate")

    def wait_until_it_writes(self, told: "Told | None" = None) -> float:
        """How many seconds pass until an award is made."""
        started = time.monotonic()
        probe = Program(self, 0, random.Random(0), told)
        probe.award()
        probe.hang_up()
        return time.monotonic() - started

    def ask(self, statement: str, *values: Any, database: str = DATABASE) -> list[Any]:
        """The rows of a query by the owner of the database."""
        line = psycopg2.connect(self.cluster.dsn(database))
        try:
            line.autocommit = True
            with line.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            line.close()

    # ── What is done to it ──────────────────────────────────────────────────────────────────────────────────────────

    def workers(self) -> list[int]:
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text(encoding="utf-8")
        return [int(each) for each in children.split()]

    def kill_a_worker(self, chance: random.Random) -> None:
        """kill -9, in the middle of whatever the worker's threads do."""
        if found := self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(found), signal.SIGKILL)

    def end_a_connection(self, chance: random.Random) -> None:
        """pg_terminate_backend, preferably on one at work; a COMMIT among them loses its reply."""
        found = self.ask(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s ORDER BY state = 'idle', query !~ 'COMMIT', random()",
            ROLE, database="postgres",
        )  # fmt: skip
        if found:
            victim = chance.choice(found[:3])[0]
            self.ask("SELECT pg_terminate_backend(%s)", victim, database="postgres")

    def crash_the_database(self, chance: random.Random) -> None:  # noqa: ARG002 - as the others
        """An immediate stop is a crash; the database is back when it has replayed its log."""
        self.cluster.stop("immediate")
        time.sleep(0.3)
        self.cluster.start()


# ── The programs ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    is_replayed: bool = False


@dataclass
class Told:
    """All answers that the programs got, by what they asked."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: list[tuple[str, str, str, Answer]] = field(default_factory=list)  # client, key, address, answer
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def note(self, client: str, key: str, address: str, answer: Answer) -> None:
        with self.lock:
            self.answers.append((client, key, address, answer))

    def met(self, fault: str) -> None:
        with self.lock:
            self.faults[fault] += 1


class Program:
    """A partner's program that does not give up: what was not answered is sent again under the same key."""

    def __init__(self, service: Service, number: int, chance: random.Random, told: Told | None = None) -> None:
        self.service, self.chance, self.told = service, chance, told or Told()
        self.client = service.told["clients"][number % PROGRAMS]
        # Each program shows passes of its own courier: of two passes only the newer is valid.
        self.own = service.told["couriers"][number % COURIERS]
        self.number = number
        self.line: http.client.HTTPConnection | None = None
        self.awards: list[str] = []
        self.orders: list[str] = []

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None

    def asked(self, address: str, body: Any, key: str, *, hang_up: bool = False) -> Answer:
        """Send it once.   Raises: OSError or HTTPException if no answer comes, or it is not listened to."""
        if self.line is None:
            self.line = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        headers = {
            "Authorization": f"Bearer {self.client['key']}", "Content-Type": "application/json", "Idempotency-Key": key,
        }  # fmt: skip
        self.line.request("POST", f"/api/v1/{address}", json.dumps(body), headers)
        if hang_up:
            raise ConnectionAbortedError
        response = self.line.getresponse()
        sent = response.read()
        if response.status >= 500:
            self._require_way_out(response, sent)
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(
            response.status, json.loads(sent) if is_json else {}, response.headers.get("Idempotent-Replayed") == "true"
        )

    def _require_way_out(self, response: http.client.HTTPResponse, sent: bytes) -> None:
        kind, wait = response.headers.get("Content-Type"), response.headers.get("Retry-After")
        if (response.status, kind, wait) != (503, "application/problem+json", "2"):
            self.told.wrong.append(f"{response.status} {kind} Retry-After {wait}: {sent[:300]!r}")

    def done(self, address: str, body: Any) -> Answer:
        """Send it until it gets a final answer."""
        key, deadline, tries = uuid.uuid4().hex, time.monotonic() + PATIENCE_S, 0
        while True:
            hangs_up = not tries and self.chance.random() < 0.01
            tries += 1
            try:
                answer = self.asked(address, body, key, hang_up=hangs_up)
            except (OSError, http.client.HTTPException):
                self.hang_up()
                self.told.met("answers not listened to" if hangs_up else "connections broken")
            else:
                if answer.status < 500 and answer.body.get("code") != "twin_in_flight":
                    self.told.note(self.client["code"], key, address, answer)
                    if answer.is_replayed:
                        self.told.met("answers that came with the repetition")
                    return answer
                self.told.met(f"answers {answer.status}" if answer.status >= 500 else "twins in flight")
            assert time.monotonic() < deadline, f"{address} was not answered"
            time.sleep(self.chance.uniform(0.02, 0.2))

    # ── What it does ────────────────────────────────────────────────────────────────────────────────────────────────

    def small_award(self) -> dict[str, Any]:
        courier = self.chance.choice(self.service.told["couriers"])
        return {"courier": courier, "district": "420106", "points": self.chance.randint(1, 20), "reason": "chaos"}

    def award(self) -> None:
        self.awards.append(self.done("awards/", self.small_award()).body["posting"])

    def award_by_rule(self) -> None:
        deed = {"courier": self.own, "district": "420106", "action": "volunteer", "matter": uuid.uuid4().hex[:20]}
        self.done("awards/", deed)

    def reverse(self) -> None:
        if self.awards:
            self.done("reversals/", {"posting": self.awards.pop(), "reason": "chaos"})

    def wish(self, courier: str) -> dict[str, Any]:
        told = self.service.told
        return {"courier": courier, "gift": told["gift"], "station": told["station"], "points": told["price"]}

    def order(self) -> None:
        answer = self.done("redemptions/", self.wish(self.own))
        if answer.status == 201:
            self.orders.append(answer.body["code"])

    def order_for_the_poor(self) -> None:
        """Refused most of the time, since a refusal is kept under its key as well."""
        self.done("redemptions/", self.wish(self.chance.choice(self.service.told["couriers"][-POOR:])))

    def cancel(self) -> None:
        if self.orders:
            self.done(f"redemptions/{self.orders.pop(0)}/cancellation/", {"reason": "chaos"})

    def hand_over(self) -> None:
        if self.orders:
            self.done(f"redemptions/{self.orders.pop(0)}/handover/", {"pass": self.show_pass()})

    def redeem_at_once(self) -> None:
        self.done("redemptions/", self.wish(self.own) | {"pass": self.show_pass()})

    def show_pass(self) -> str:
        return str(self.done("passes/", {"courier": self.own, "pin": PIN}).body.get("digits", "000000"))

    def use(self) -> None:
        self.done(f"stations/{self.service.told['station']}/uses/", {"satisfied": True})

    def act(self) -> None:
        # A PIN is expensive to check, by design, so passes are rare.
        deeds: list[tuple[int, Callable[[], None]]] = [
            (30, self.award), (10, self.award_by_rule), (10, self.reverse), (15, self.order), (5, self.order_for_the_poor),
            (10, self.cancel), (1, self.hand_over), (1, self.redeem_at_once), (18, self.use),
        ]  # fmt: skip
        self.chance.choices([deed for _weight, deed in deeds], [weight for weight, _deed in deeds])[0]()


# ── The town ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _make_town() -> None:
    """As the owner of the database."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        told = _told()
    from config.roles import create_runtime_role

    create_runtime_role(name=ROLE, password=secrets.token_hex(16))
    sys.stdout.write(json.dumps(told) + "\n")


def _told() -> dict[str, Any]:
    from decimal import Decimal

    from core import clock
    from couriers import consents, registration
    from partners.models import Scope
    from points import funds, stock
    from points.models import EarningRule
    from tests.builders import make_client, make_courier, make_key
    from tests.points.books import PRICE, award, keep_books, op

    now = clock.now()
    books = keep_books(points=0, pieces=0)
    EarningRule.objects.create(action="volunteer", points=7, most_a_day=30_000, valid_from=clock.local_date(now))
    funds.allocate(district=books.district, points=10**8, source="chaos", op_id=op(), actor="tests", at=now)
    paper = stock.Delivery(document_no="chaos", unit_price_cny=Decimal(1), funding="union")
    stock.receive(
        gift=books.gift, station=books.station, pieces=10**6, delivery=paper, op_id=op(), actor="tests", at=now
    )
    couriers = [
        registration.verify(courier=make_courier(pin=PIN, at=now), actor="tests", at=now) for _number in range(COURIERS)
    ]
    for each in couriers[:-POOR]:
        award(books, 10**6, courier=each)
    clients = []
    for number in range(PROGRAMS):
        code = f"chaos-{number}"
        client = make_client(code=code, scopes=Scope.values, calls_per_minute=6_000)
        clients.append({"code": code, "key": make_key(client)})
        for each in couriers:
            consents.give(
                courier=each, notice=consents.notice("sharing"), channel="page", at=now, actor="self",
                purpose="sharing", partner=code,
            )  # fmt: skip
    return {
        "clients": clients, "couriers": [each.code for each in couriers], "gift": books.gift.code,
        "station": books.station.code, "price": PRICE,
    }  # fmt: skip


if __name__ == "__main__":
    _make_town()
