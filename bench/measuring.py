"""`python -m bench [--quick] [serving] [import] [admin] [growth] [ledger]`: rates, ratios and CPU per request, as Markdown tables.

Every figure stands beside a bare Django view on the same server in the same rounds, since rates of a shared machine mean
little alone. Databases of the benchmark's own (fengchao_bench_<N>) are made once and kept.
"""

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime

import django
import psutil  # type: ignore[import-untyped]
from django.db import connection, transaction

from bench.admin import measure_admin
from bench.databases import make_anew, turn_to
from bench.draws import GROWTH, api_paths, page_paths, point
from bench.filling import fill, is_filled
from bench.importing import measure_import
from bench.ledger import (
    measure_desk,
    measure_redemption,
    measure_statement,
    measure_verify,
    redemption_round_trips,
    use_books,
)
from bench.serving import Load, Server, any_of, load, serving
from core import clock
from stations import finding
from stations.geo import Point

SMALL, LARGE = 3_000, 200_000
PARTS = ("serving", "import", "admin", "growth", "ledger")


def median_and_range(values: Sequence[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def use_database(stations: int) -> str:
    """Point this process at the database with this many stations, making and filling it if need be; return its name."""
    name = f"fengchao_bench_{stations}"
    turn_to(name)
    finding.forget_names()
    now = clock.now()
    if not is_filled(stations, now=now):
        begun = time.perf_counter()
        print(f"Filling {name} …", file=sys.stderr)
        # Made anew, since append-only tables cannot be emptied.
        make_anew(name)
        fill(stations, now=now)
        print(f"  {stations:,} stations in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return name


def postmaster() -> psutil.Process:
    """The PostgreSQL server's first process, whose children serve the connections (it must run on this machine)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        parent = psutil.Process(cursor.fetchone()[0]).parent()
    if parent is None:
        raise SystemExit("PostgreSQL must run on this machine, or its CPU cannot be counted.")
    return parent


def measure_serving(*, rounds: int, seconds: float) -> str:
    """Look-ups and pages compared with the bare view, in turns."""
    with ExitStack() as stack:
        servers: dict[int, Server] = {}
        for stations in (SMALL, LARGE):
            name = use_database(stations)
            servers[stations] = stack.enter_context(serving(name, postgres=postmaster()))
        jobs = [
            ("bare Django view", SMALL, any_of(["/bench/bare/"]), None),
            ("API, nothing looked for", SMALL, any_of(["/bench/frame/"]), None),
            ("API, 20 rows ready-made", SMALL, any_of(["/bench/ready/"]), None),
            (f"API, nearest 20 of {SMALL:,}", SMALL, any_of(api_paths()), "ratio ≥ 0.45"),
            (f"API, nearest 20 of {LARGE:,}", LARGE, any_of(api_paths()), "ratio ≥ 0.40, CPU ≤ 2.5"),
            (f"finder page, 20 cards of {SMALL:,}", SMALL, any_of(page_paths()), "ratio ≥ 0.12, CPU ≤ 6"),
        ]
        results: dict[str, list[Load]] = {job[0]: [] for job in jobs}
        for name, stations, ask, _target in jobs:
            load(servers[stations], ask, seconds=3.0 * seconds)  # each connection has then seen every kind of question
            print(f"  warmed: {name}", file=sys.stderr)
        for _round in range(rounds):
            for name, stations, ask, _target in jobs:
                results[name].append(load(servers[stations], ask, seconds=seconds))
    bare = results[jobs[0][0]]
    return table(SERVED, [served(name, results[name], bare, target or "") for name, _stations, _ask, target in jobs])


SERVED = ("job", "requests/s", "of bare", "CPU ms a request", "server + PostgreSQL", "target")


def served(name: str, own: Sequence[Load], bare: Sequence[Load], target: str) -> tuple[str, ...]:
    """A line of the table of what was served, compared with the bare view in the same rounds."""
    refused = sum(one.refused for one in own)
    parts = ([one.server_ms for one in own], [one.database_ms for one in own])
    return (
        name + (f" ({refused} refused)" if refused else ""),
        median_and_range([one.rate for one in own], 0),
        median_and_range([mine.rate / theirs.rate for mine, theirs in zip(own, bare, strict=True)]),
        median_and_range([one.cpu_ms for one in own]),
        " + ".join(f"{statistics.median(part):.2f}" for part in parts),
        target,
    )


def measure_ledger(*, rounds: int, seconds: float, calls: int) -> str:
    """Everything about the ledger, in four tables."""
    use_books(lambda: use_database(SMALL))
    parts: list[str] = []
    lines: list[Sequence[str]] = []
    bare, own, idle = measure_redemption(postmaster, rounds=rounds, seconds=seconds)
    lines = [
        served("bare Django view", bare, bare, ""),
        served("redemption with a pass, handed over", own, bare, "ratio ≥ 0.25, CPU ≤ 3.5"),
        served("a call of it that asks and writes nothing", idle, bare, ""),
    ]
    parts.append(table(SERVED, lines))
    parts.append(told_round_trips(redemption_round_trips()))
    found = measure_statement(rounds=rounds, seconds=max(2, int(seconds * 2)))
    ratios, floors = (
        [mine / theirs for mine, theirs in zip(found[name], found["TPC-B"], strict=True)]
        for name in ("posting", "floor")
    )
    lines = [
        ("TPC-B", median_and_range(found["TPC-B"], 0), "1", ""),
        ("posting of four entries", median_and_range(found["posting"], 0), median_and_range(ratios), "≥ 0.75"),
        ("the same rows without any rule of ours", median_and_range(found["floor"], 0), median_and_range(floors), ""),
    ]
    parts.append(table(("pgbench, 4 clients", "transactions/s", "of TPC-B", "target"), lines))
    spent = measure_verify(rounds=max(2, rounds // 2))
    sums = [cpu_s for cpu_s, _wall_s, _mb in spent["plain SQL sums"]]
    lines = [
        (
            name,
            *(median_and_range(part) for part in list(zip(*rows, strict=True))[:2]),
            median_and_range([row[0] / plain for row, plain in zip(rows, sums, strict=True)], 1),
            f"{max(mb for _cpu_s, _wall_s, mb in rows):.0f}",
            "≤ 10, memory flat" if name == "verify_ledger" else "",
        )
        for name, rows in spent.items()
    ]
    head = ("1,000,000 entries", "CPU s", "wall s", "CPU beside the sums", "memory more, MB", "target")
    parts.append(table(head, lines))
    desk, *pages = measure_desk(calls=calls)
    parts.append(table(desk, pages))
    return "\n\n".join(parts)


def told_round_trips(said: Sequence[str]) -> str:
    """What one redemption sends to PostgreSQL, and how much of it is the redemption itself."""
    rows = [(str(place), round_trip_of(text), text[:90].replace("|", "¦")) for place, text in enumerate(said, 1)]
    own = sum(part == "redemption" for _place, part, _text in rows)
    return table(("round trip", f"for (redemption: {own}, to reach ≤ 3)", "begins"), rows)


def round_trip_of(text: str) -> str:
    """What a message to PostgreSQL is for."""
    if text == "SELECT 1":
        return "connection"
    if "partners_apikey" in text:
        return "sign-in"
    return "limits" if "core_counter" in text else "redemption"


def measure_growth(*, sizes: Sequence[int], rounds: int, calls: int) -> str:
    """The same look-ups in towns of growing size, in turns."""
    found: dict[tuple[str, int], list[float]] = {}
    for stations in sizes:
        use_database(stations)
        _read_all()
    for number in range(rounds):
        for stations in sizes:
            use_database(stations)
            now = clock.now()
            for name, make in GROWTH.items():
                found.setdefault((name, stations), []).append(_calls_ms(make, now, calls=calls, seed=number))
    largest = sizes[-1]
    rows = [
        (
            name,
            *(median_and_range(found[name, stations]) for stations in sizes),
            f"{statistics.median(found[name, largest]) / statistics.median(found[name, sizes[0]]):.2f}",
        )
        for name in GROWTH
    ]
    return table(("look-up, ms", *(f"{stations:,}" for stations in sizes), "growth (≤ 1.5)"), rows)


def _read_all() -> None:
    """Read every station once, by the index for the nearest: a server that has run for a day has its town in memory."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(
            "SELECT sum(version) FROM (SELECT version FROM stations_station WHERE status = 'published'"
            " ORDER BY pos <-> point(0, 0) OFFSET 0) every"
        )


def _calls_ms(make: Callable[[Point, datetime], finding.Lookup], now: datetime, *, calls: int, seed: int) -> float:
    """The median of single calls: the time one courier waits, without what a pause of the machine adds.

    Each reads its stations as the first look-up there does: a small town would soon be kept whole by the process, a large one
    would not.
    """
    rng = random.Random(seed)
    lookups = [make(point(rng), now) for _call in range(calls)]
    for lookup in lookups[:5]:
        finding.find(lookup, now=now)
    took = []
    for lookup in lookups:
        finding.forget_names()
        finding.unknown_codes(lookup)  # the names of divisions are read before the clock runs
        begun = time.perf_counter()
        finding.find(lookup, now=now)
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1_000


def machine() -> str:
    memory_gb = psutil.virtual_memory().total / 2**30
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return (
        f"{psutil.cpu_count()} cores, {memory_gb:.0f} GB, Python {sys.version.split()[0]}, Django {django.__version__},"
        f" PostgreSQL {version}; load average before: {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and growth only to 200,000")
    parser.add_argument("--only", default="", help=", ".join(PARTS))
    parser.add_argument("part", nargs="*", help="as --only; without either all are measured")
    options = parser.parse_args()
    wanted = [part for part in (*options.part, *options.only.split(",")) if part] or PARTS
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    use_database(SMALL)
    print(f"{machine()}\n")
    if "serving" in wanted:
        rounds, seconds = (3, 2.0) if options.quick else (7, 4.0)
        print(measure_serving(rounds=rounds, seconds=seconds), end="\n\n")
    if "import" in wanted:
        print(measure_import(2_000 if options.quick else 10_000), end="\n\n")
    if "admin" in wanted:
        use_database(LARGE)
        head, *rows = measure_admin(calls=3 if options.quick else 10)
        print(table(head, rows), end="\n\n")
    if "growth" in wanted:
        sizes = (1_000, 20_000, 200_000) if options.quick else (1_000, 10_000, 100_000, 1_000_000)
        print(measure_growth(sizes=sizes, rounds=3 if options.quick else 5, calls=100), end="\n\n")
    if "ledger" in wanted:
        rounds, seconds, calls = (3, 2.0, 3) if options.quick else (7, 4.0, 10)
        print(measure_ledger(rounds=rounds, seconds=seconds, calls=calls), end="\n\n")
