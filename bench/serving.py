"""The server under load: gunicorn as in production, a small client beside it, and what gunicorn and PostgreSQL spend."""

import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]

__all__ = ["Ask", "Load", "Question", "Server", "any_of", "load", "serving"]

ROOT = Path(__file__).resolve().parent.parent
GUNICORN = ("-w", "2", "-k", "gthread", "--threads", "4")
CONNECTIONS = 8


class Question(NamedTuple):
    """One request."""

    method: str
    path: str
    body: str = ""
    headers: Mapping[str, str] = {}


# What one of the connections asks next, with draws of its own.
Ask = Callable[[random.Random], Question]


@dataclass(frozen=True, slots=True)
class Server:
    """A running gunicorn on one database."""

    port: int
    process: psutil.Process
    postgres: psutil.Process

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds spent so far by gunicorn and its workers, and by all of PostgreSQL."""
        return _tree_cpu_s(self.process), _tree_cpu_s(self.postgres)


@dataclass(frozen=True, slots=True)
class Load:
    """The result of one round."""

    requests: int
    rate: float
    server_ms: float
    database_ms: float
    refused: int

    @property
    def cpu_ms(self) -> float:
        """CPU for one request, server and PostgreSQL together."""
        return self.server_ms + self.database_ms


def _tree_cpu_s(root: psutil.Process) -> float:
    """The CPU seconds of the process and all its children; what has ended meanwhile is counted with its parent."""
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(database: str, *, postgres: psutil.Process) -> Iterator[Server]:
    """gunicorn on `database`, stopped at the end of the block."""
    port = free_port()
    gunicorn = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            *GUNICORN,
            "-b",
            f"127.0.0.1:{port}",
            "--log-level",
            "warning",
            "config.wsgi",
        ],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "bench.settings", "BENCH_DATABASE": database},
    )
    try:
        _wait_for(port, gunicorn)
        yield Server(port=port, process=psutil.Process(gunicorn.pid), postgres=postgres)
    finally:
        gunicorn.terminate()
        gunicorn.wait(timeout=20)


def _wait_for(port: int, gunicorn: subprocess.Popen[bytes]) -> None:
    for _try in range(300):
        if gunicorn.poll() is not None:
            raise SystemExit("gunicorn did not start; its message stands above.")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("gunicorn did not open its port within 30 seconds.")


def any_of(paths: Sequence[str]) -> Ask:
    """Any of these URLs, drawn anew each time."""
    return lambda draws: Question("GET", draws.choice(paths))


def load(server: Server, ask: Ask, *, seconds: float) -> Load:
    """Ask through a few kept connections for so many seconds, each with its own questions."""
    counts = [0] * CONNECTIONS
    refused = [0] * CONNECTIONS
    start = threading.Barrier(CONNECTIONS + 1)
    ends_at = [0.0]

    def talk(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        draws = random.Random(number)
        start.wait()
        while time.perf_counter() < ends_at[0]:
            question = ask(draws)
            connection.request(question.method, question.path, question.body or None, question.headers)
            response = connection.getresponse()
            response.read()
            counts[number] += 1
            refused[number] += response.status not in {200, 201}
        connection.close()

    threads = [threading.Thread(target=talk, args=(number,), daemon=True) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    ends_at[0] = time.perf_counter() + seconds
    spent, begun = server.cpu_s(), time.perf_counter()
    start.wait()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    server_s, database_s = (after - before for after, before in zip(server.cpu_s(), spent, strict=True))
    requests = sum(counts)
    return Load(
        requests=requests,
        rate=requests / took,
        server_ms=server_s / requests * 1_000,
        database_ms=database_s / requests * 1_000,
        refused=sum(refused),
    )
