"""`python -m bench [--quick] [--only serving,import,admin,growth]`: rates, ratios and CPU per request, as Markdown tables.

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
from django.core.management import call_command
from django.db import connection

from bench.admin import measure_admin
from bench.draws import GROWTH, api_paths, page_paths, point
from bench.filling import fill, is_filled
from bench.importing import measure_import
from bench.serving import Load, Server, load, serving
from core import clock
from stations import finding
from stations.geo import Point

SMALL, LARGE = 3_000, 200_000


def median_and_range(values: Sequence[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def use_database(stations: int) -> str:
    """Point this process at the database of so many stations, making and filling it if need be; answers its name."""
    name = f"fengchao_bench_{stations}"
    settings = connection.settings_dict
    connection.close()
    settings["NAME"] = "postgres"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    settings["NAME"] = name
    finding.forget_names()
    call_command("migrate", verbosity=0)
    now = clock.now()
    if not is_filled(stations, now=now):
        begun = time.perf_counter()
        print(f"Filling {name} …", file=sys.stderr)
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
    """Look-ups and pages beside the bare view, in turns."""
    with ExitStack() as stack:
        servers: dict[int, Server] = {}
        for stations in (SMALL, LARGE):
            name = use_database(stations)
            servers[stations] = stack.enter_context(serving(name, postgres=postmaster()))
        jobs = [
            ("bare Django view", SMALL, ["/bench/bare/"], None),
            (f"API, nearest 20 of {SMALL:,}", SMALL, api_paths(), "ratio ≥ 0.45"),
            (f"API, nearest 20 of {LARGE:,}", LARGE, api_paths(), "ratio ≥ 0.40, CPU ≤ 2.5"),
            (f"finder page, 20 cards of {SMALL:,}", SMALL, page_paths(), "ratio ≥ 0.12, CPU ≤ 6"),
        ]
        results: dict[str, list[Load]] = {job[0]: [] for job in jobs}
        for name, stations, paths, _target in jobs:
            load(servers[stations], paths, seconds=3.0 * seconds)  # every connection meets every kind of question
            print(f"  warmed: {name}", file=sys.stderr)
        for _round in range(rounds):
            for name, stations, paths, _target in jobs:
                results[name].append(load(servers[stations], paths, seconds=seconds))
    bare = results[jobs[0][0]]
    rows = []
    for name, _stations, _paths, target in jobs:
        own = results[name]
        ratios = [mine.rate / theirs.rate for mine, theirs in zip(own, bare, strict=True)]
        refused = sum(one.refused for one in own)
        rows.append(
            (
                name + (f" ({refused} not 200)" if refused else ""),
                median_and_range([one.rate for one in own], 0),
                median_and_range(ratios),
                median_and_range([one.cpu_ms for one in own]),
                " + ".join(
                    f"{statistics.median(part):.2f}"
                    for part in ([one.server_ms for one in own], [one.database_ms for one in own])
                ),
                target or "",
            )
        )
    return table(("job", "requests/s", "of bare", "CPU ms a request", "server + PostgreSQL", "to reach"), rows)


def measure_growth(*, sizes: Sequence[int], rounds: int, calls: int) -> str:
    """The same look-ups in towns of growing size, in turns."""
    found: dict[tuple[str, int], list[float]] = {}
    for stations in sizes:
        use_database(stations)
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


def _calls_ms(make: Callable[[Point, datetime], finding.Lookup], now: datetime, *, calls: int, seed: int) -> float:
    """The median of single calls: the time one courier waits, not what a pause of the machine adds."""
    rng = random.Random(seed)
    lookups = [make(point(rng), now) for _call in range(calls)]
    for lookup in lookups[:5]:
        finding.find(lookup, now=now)
    took = []
    for lookup in lookups:
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
    parser.add_argument("--only", default="serving,import,admin,growth", help="serving, import, admin, growth")
    options = parser.parse_args()
    wanted = options.only.split(",")
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
