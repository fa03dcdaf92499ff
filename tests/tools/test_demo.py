"""`make demo` says in a sentence what is wrong with a port before it prepares anything; its server and worker own nothing."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from config.embedded_postgres.cluster import Cluster
from config.roles import RUNTIME_ROLE
from tools.demo import why_not

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("port", ["", "abc", "0", "-1", "65536", "99999999999", "80.5"])
def test_what_is_no_port_is_named_with_what_to_type(port: str) -> None:
    assert why_not(port) == f"PORT={port} is no number from 1 to 65535. Type for example: make demo PORT=8001"


def test_a_port_in_use_is_named_with_the_next_and_a_free_one_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} is in use" in why_not(str(port))
    assert why_not(str(port)) == ""


STANDS_FOR_THE_DEMO = """#!/bin/sh
trap 'echo ended > "$HOME/ended"; exit 0' TERM
echo "$PORT $HOST" > "$HOME/said"
while :; do sleep 0.1; done
"""


def until(file: Path) -> str:
    """What stands in `file`, once something does."""
    for _try in range(300):
        if file.exists() and (text := file.read_text()):
            return text.strip()
        time.sleep(0.1)
    raise AssertionError(file.name)


def test_what_a_supervisor_sends_to_make_ends_the_demo(tmp_path: Path) -> None:
    """Ctrl-C reaches everything of a terminal; a supervisor knows only the process that it started."""
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    (tmp_path / "requirements.lock").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STANDS_FOR_THE_DEMO)
    python.chmod(0o755)
    (tmp_path / ".venv" / ".run-ok").touch()
    make = shutil.which("make")
    assert make is not None
    process = subprocess.Popen(
        [make, "demo", "PORT=8123"], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)}, start_new_session=True
    )
    try:
        assert until(tmp_path / "said").startswith("8123 ")
        process.terminate()
        process.wait(timeout=30)
        assert until(tmp_path / "ended") == "ended"
    finally:
        # What was not ended is a shell in the session of this make, and in no other.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


# ── A whole run ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The project as a stranger has it: its files alone, and nothing that was made."""
    git = shutil.which("git")
    assert git is not None
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists() and not name.startswith(("docs/screenshots/", "tests/")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
    yield tmp_path
    Cluster(tmp_path / "var" / "postgres").stop("immediate")


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[float]:
    """The demo of `folder` while it runs; the seconds it took to come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not what the suite has set for itself.
    ours = {"SECRET_KEY", "DEBUG", "ENV_FILE", "COURIER_KEYS", "COURIER_INDEX_KEY", "DATABASE_ROLE", "DATABASE_URL"}
    ours |= {"XDG_RUNTIME_DIR"}
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= {"PORT": str(port), "HOME": str(folder)}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.demo"], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("".join(said))
        yield time.monotonic() - began
        assert process.poll() is None, "".join(said)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def asked(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    """What the demo's database answers its owner."""
    connection = psycopg2.connect(Cluster(folder / "var" / "postgres").dsn("fengchao"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()


def rows(folder: Path) -> dict[str, str]:
    """A digest of each table's rows."""
    tables = asked(
        folder, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'core_counter'"
    )
    digest = "SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text)))"
    return {name: asked(folder, f'{digest} FROM "{name}" t')[0][0] for (name,) in tables}


def settled_rows(folder: Path) -> dict[str, str]:
    """The same, once the worker has done what was due when it began."""
    # Three times the same: on a busy machine the worker may not have begun within the first seconds.
    seen = [rows(folder)]
    while len(seen) < 4 or any(each != seen[-1] for each in seen[-4:]):
        time.sleep(3)
        seen.append(rows(folder))
    return seen[-1]


def roles(folder: Path) -> set[str]:
    """Who else is connected, once server and worker are."""
    for _try in range(100):
        found = asked(
            folder,
            "SELECT usename, count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1",
        )
        if sum(count for _name, count in found) >= 2:
            break
        time.sleep(0.1)
    return {name for name, _count in found}


def test_server_and_worker_own_nothing_and_a_second_start_is_quick_and_changes_nothing(folder: Path) -> None:
    with demo(folder) as first_s:
        assert roles(folder) == {RUNTIME_ROLE}
        assert asked(folder, f"SELECT count(*) FROM pg_class WHERE relowner = '{RUNTIME_ROLE}'::regrole") == [(0,)]  # noqa: S608
        before = settled_rows(folder)
        assert not (folder / ".gunicorn").exists()  # var/, .env and staticfiles/ are all that it makes
    with demo(folder) as second_s:
        assert roles(folder) == {RUNTIME_ROLE}
        assert settled_rows(folder) == before
    (folder / ".env").unlink()
    with pytest.raises(pytest.fail.Exception, match=r"couriers\.E003"), demo(folder):
        pass  # it has made another secret than the data was sealed under
    assert second_s < first_s  # how fast the machine is today, the first start says
