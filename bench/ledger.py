"""The ledger: a gift handed over through the API, its own statement compared with TPC-B, its books verified, its lists at
the desk.
"""

import itertools
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from django.conf import settings
from django.db import connection

from bench.admin import measure_pages, use_accounts
from bench.books import (
    COURIERS,
    HANDED_OUT,
    PRICE,
    REDEEMED,
    WALLET,
    api_keys,
    books_are_filled,
    courier_code,
    fill_books,
    show_passes,
)
from bench.databases import drop, make_anew, turn_to
from bench.round_trips import round_trips_of
from bench.serving import Load, Question, Server, load, serving
from config.embedded_postgres.cluster import binary, configured
from core import clock
from points import sealing, verifying
from points.violation import in_words

__all__ = [
    "measure_desk",
    "measure_redemption",
    "measure_statement",
    "measure_verify",
    "redemption_round_trips",
    "use_books",
]

NAME, COPY, TPC_B = "fengchao_bench_ledger", "fengchao_bench_ledger_used", "fengchao_bench_tpcb"
FLOOR = "fengchao_bench_ledger_floor"
CLIENTS = 4
# Ten times as many branches as clients, so that they seldom wait for each other, and no more accounts than can be read from
# memory alone.
SCALE = 40
ENTRIES, POSTINGS = "/admin/points/entry/", "/admin/points/posting/"
PAGES: tuple[tuple[str, str], ...] = (
    ("entries", ENTRIES),
    ("entries, last counted page", f"{ENTRIES}?p=10"),
    ("postings", POSTINGS),
    ("postings, last counted page", f"{POSTINGS}?p=10"),
    ("postings, awards", f"{POSTINGS}?kind__exact=award"),
    ("postings, allocations (few)", f"{POSTINGS}?kind__exact=allocation"),
    ("postings, reversals (none)", f"{POSTINGS}?kind__exact=reversal"),
    ("postings of a year without any", f"{POSTINGS}?occurred_at__gte=2024-01-01&occurred_at__lt=2025-01-01"),
    ("postings of three months", f"{POSTINGS}?occurred_at__gte=2026-01-01&occurred_at__lt=2027-01-01"),
    ("a posting", f"{POSTINGS}200000/change/"),
    ("an entry", f"{ENTRIES}500000/change/"),
    ("seals", "/admin/points/seal/"),
    ("funds of the districts", f"{POSTINGS}funds/"),
    ("gifts", "/admin/points/gift/"),
    ("couriers", "/admin/couriers/courier/"),
)


def use_books(make_town: Callable[[], str]) -> str:
    """Point this process at the books of a million entries, filled and sealed if need be; return the database's name."""
    turn_to(NAME)
    if not books_are_filled():
        town = make_town()
        begun = time.perf_counter()
        print(f"Filling {NAME} …", file=sys.stderr)
        make_anew(NAME, template=town)
        fill_books()
        sealing.seal_ledger(now=clock.now())
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        print(f"  a million entries in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return NAME


@contextmanager
def _used_copies() -> Iterator[list[str]]:
    """A copy to post into, so that the original books stay as they were filled; and one in which nothing is asked (floors.sql).
    Yields the keys of partners' programs that both know.
    """
    make_anew(COPY, template=NAME)
    keys = api_keys()
    make_anew(FLOOR, template=COPY)
    with connection.cursor() as cursor:
        cursor.execute((Path(__file__).parent / "floors.sql").read_text(encoding="utf-8"))
    turn_to(COPY)
    try:
        yield keys
    finally:
        drop(COPY)
        drop(FLOOR)
        turn_to(NAME)


def _require_agreement() -> None:
    broken = list(verifying.broken_invariants())
    if broken:
        raise SystemExit(f"The books do not agree: {broken[0].sentence}")


# ── A redemption over HTTP ──────────────────────────────────────────────────────────────────────────────────────────


def _redemption(number: int, keys: Sequence[str], stations: Sequence[tuple[str, str]]) -> Question:
    """The courier with this number shows his pass at one of the counters."""
    station, district = stations[number * 7_919 % len(stations)]
    body = {
        "courier": courier_code(number), "gift": f"umbrella-{district}", "station": station, "points": PRICE,
        "pass": f"{number:06d}",
    }  # fmt: skip
    headers = {
        "Authorization": f"Bearer {keys[number % len(keys)]}", "Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"
    }  # fmt: skip
    return Question("POST", "/api/v1/redemptions/", json.dumps(body), headers)


def _counters() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, left(division_id, 6) FROM stations_station ORDER BY id")
        rows: list[tuple[str, str]] = cursor.fetchall()
    return rows


def measure_redemption(
    postgres: Callable[[], psutil.Process], *, rounds: int, seconds: float
) -> tuple[list[Load], list[Load], list[Load]]:
    """The bare view, redemptions, and calls that ask and write nothing, in turns: a courier shows his pass and is handed a gift
    at once.
    """
    bare: list[Load] = []
    own: list[Load] = []
    idle: list[Load] = []
    with _used_copies() as keys:
        counters = _counters()
        numbers = itertools.cycle(range(1, COURIERS + 1))
        with serving(COPY, postgres=postgres()) as server, serving(FLOOR, postgres=postgres()) as idle_server:

            def redeem(at: Server) -> Load:
                show_passes()
                wishes = iter([_redemption(next(numbers), keys, counters) for _wish in range(int(seconds * 2_500))])
                return load(at, lambda _draws: next(wishes), seconds=seconds)

            def ask() -> Load:
                return load(server, lambda _draws: Question("GET", "/bench/bare/"), seconds=seconds)

            for number in range(rounds + 1):
                found = ask(), redeem(server), redeem(idle_server)
                if number:  # the first only warms up
                    for kept, each in zip((bare, own, idle), found, strict=True):
                        kept.append(each)
        _require_agreement()
    return bare, own, idle


def redemption_round_trips() -> list[str]:
    """What one redemption sends to PostgreSQL, message by message, counted on the wire."""
    with _used_copies() as keys:
        counters = _counters()
        show_passes()
        # The second call of a process, which is like all later ones: prepared, and with warm caches.
        return round_trips_of(COPY, [_redemption(number, keys, counters) for number in (1, 2, 3)])[-1]


# ── The ledger's own statement beside TPC-B ─────────────────────────────────────────────────────────────────────────


def measure_statement(*, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Transactions a second of pgbench, in turns: TPC-B unchanged, the posting of a gift handed over, and the same rows without
    any rule of ours.
    """
    if not settings.EMBEDDED_POSTGRES:
        raise SystemExit("pgbench is run against the embedded PostgreSQL alone: leave DATABASE_URL out.")
    found: dict[str, list[float]] = {"TPC-B": [], "posting": [], "floor": []}
    with _used_copies(), tempfile.TemporaryDirectory() as folder:
        scripts = _scripts(Path(folder))
        drop(TPC_B)
        make_empty(TPC_B)
        _pgbench(TPC_B, "-i", "-q", "-s", str(SCALE))
        run = ("-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds))
        for place in range(rounds + 1):
            rates = (
                _tps(_pgbench(TPC_B, *run)),
                _tps(_pgbench(COPY, *run, *scripts)),
                _tps(_pgbench(FLOOR, *run, *scripts)),
            )
            if place:  # the first only warms up
                for kept, rate in zip(found.values(), rates, strict=True):
                    kept.append(rate)
        drop(TPC_B)
        turn_to(COPY)
        _require_agreement()
    return found


def make_empty(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")


def _scripts(folder: Path) -> list[str]:
    """One script per district, weighted by its counters: what points/ledger.py sends, any courier at any of its counters."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.id, min(s.id), max(s.id) FROM points_account f JOIN points_account s"
            " ON s.kind = 'stock' AND s.division_id = f.division_id WHERE f.kind = 'fund' GROUP BY 1"
        )
        districts = cursor.fetchall()
    options = []
    for district, first, last in districts:
        file = folder / f"{district}.sql"
        file.write_text(
            f"\\set wallet random({WALLET + 1}, {WALLET + COURIERS})\n\\set stock random({first}, {last})\n"
            "SELECT posting, account, balance FROM points_post(gen_random_uuid(), 'redemption', 'bench', '', '', '', NULL, now(),"
            f" ARRAY[:wallet, {REDEEMED + district}, :stock, {HANDED_OUT + district}]::bigint[],"
            f" ARRAY[-{PRICE}, {PRICE}, -1, 1]::bigint[]);\n",
            encoding="utf-8",
        )
        options += ["-f", f"{file}@{last - first + 1}"]
    return options


def _pgbench(database: str, *options: str) -> str:
    done = subprocess.run(
        [str(binary("pgbench")), *options, configured().dsn(database)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"pgbench failed: {done.stderr[-2_000:]}")
    return done.stdout


def _tps(said: str) -> float:
    found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
    if found is None or "number of failed transactions: 0 " not in said:
        raise SystemExit(f"pgbench said: {said}")
    return float(found[1])


# ── The books verified ──────────────────────────────────────────────────────────────────────────────────────────────

SUMS = (
    "SELECT account_id, sum(amount) FROM points_entry GROUP BY 1",
    (
        "SELECT e.posting_id, a.gift_id, sum(e.amount) FROM points_entry e JOIN points_account a ON a.id = e.account_id"
        " GROUP BY 1, 2 HAVING sum(e.amount) <> 0"
    ),
    "SELECT a.gift_id, sum(e.amount) FROM points_entry e JOIN points_account a ON a.id = e.account_id GROUP BY 1",
)


def measure_verify(*, rounds: int) -> dict[str, list[tuple[float, float, float]]]:
    """CPU seconds, wall seconds and growth of memory in MB, for the plain sums, the invariants, and the seals."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _round in range(rounds):
        for name, work in (("plain SQL sums", _sums), ("verify_ledger", _verify), ("seals alone", _seals)):
            found.setdefault(name, []).append(_spent(work))
    return found


def _sums() -> None:
    with connection.cursor() as cursor:
        for statement in SUMS:
            cursor.execute(statement)
            cursor.fetchall()


def _verify() -> None:
    for violation in verifying.verify_ledger():
        raise SystemExit(f"The books do not agree: {violation.sentence}")


def _seals() -> None:
    for said in sealing.broken_seals():
        raise SystemExit(in_words(said))


def _spent(work: Callable[[], Any]) -> tuple[float, float, float]:
    with connection.cursor() as cursor:
        # The workers of a parallel plan come and go, and their CPU time with them; one backend does it all and is counted.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    this = psutil.Process()
    memory, most, ended = this.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], this.memory_info().rss)

    watcher = threading.Thread(target=watch)
    before, begun, mine = backend.cpu_times(), time.perf_counter(), time.thread_time()
    watcher.start()
    try:
        work()
    finally:
        own_s, wall_s = time.thread_time() - mine, time.perf_counter() - begun
        ended.set()
        watcher.join()
    after = backend.cpu_times()
    server_s = after.user + after.system - before.user - before.system
    return own_s + server_s, wall_s, max(0, most[0] - memory) / 2**20


def measure_desk(*, calls: int) -> list[tuple[str, ...]]:
    """The CPU time of the desk's pages about the ledger, for the city, a district and a part of one."""
    use_accounts()
    return measure_pages(PAGES, calls=calls)
