"""What a request sends to PostgreSQL, counted where it cannot be embellished: on the socket between the two.

A proxy between the program and the server passes on every byte and notes each message that waits for an answer.
BEGIN and COMMIT are such messages, and so is the check whether a connection is still alive.
"""

import io
import socket
import struct
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from django.core.wsgi import get_wsgi_application
from django.db import connections

from bench.serving import Question
from config.embedded_postgres.cluster import PORT, Cluster, configured

__all__ = ["round_trips_of"]

# Types of messages whose answer the program waits for: a simple query, and the Sync of an extended one.
_QUERY, _SYNC = b"Q", b"S"


class _Door:
    """A socket in a folder of its own, in front of the server's."""

    def __init__(self, folder: Path, behind: str) -> None:
        self.said: list[str] = []
        self._prepared: dict[str, str] = {}
        self._behind = behind
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        threading.Thread(target=self._open, daemon=True).start()

    def _open(self) -> None:
        while True:
            try:
                program, _address = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._behind)
            threading.Thread(target=self._listen, args=(program, server), daemon=True).start()
            threading.Thread(target=_hand_on, args=(server, program), daemon=True).start()

    def _listen(self, program: socket.socket, server: socket.socket) -> None:
        waiting, is_started = b"", False
        while chunk := program.recv(65_536):
            waiting += chunk
            while len(waiting) >= 5:
                # The first message of a connection has no type.
                start = 1 if is_started else 0
                length = start + struct.unpack("!I", waiting[start : start + 4])[0]
                if len(waiting) < length:
                    break
                if is_started and waiting[:1] in (_QUERY, _SYNC):
                    self._note(" ".join(waiting[5:length].rstrip(b"\0").decode().split()))
                is_started = True
                waiting = waiting[length:]
            server.sendall(chunk)
        server.close()

    def _note(self, text: str) -> None:
        """Note the text of a prepared statement, not the name under which it is kept."""
        command, _space, rest = text.partition(" ")
        if command == "PREPARE":
            name, _as, statement = rest.partition(" AS ")
            self._prepared[name] = statement
        if command == "EXECUTE":
            text = f"(prepared) {self._prepared[rest.partition(' ')[0]]}"
        self.said.append(text)

    def close(self) -> None:
        self._listener.close()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65_536):
            target.sendall(chunk)
    except OSError:
        pass  # one of the two has closed its end


def round_trips_of(database: str, questions: Sequence[Question]) -> list[list[str]]:
    """What each question, asked through this process's own WSGI application, sends to `database`."""
    cluster = configured()
    connections["default"].close()
    connections["default"].settings_dict["NAME"] = database
    found = []
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        door = _Door(Path(folder), f"{cluster.socket_dir}/.s.PGSQL.{PORT}")
        through = {key: value for key, value in cluster.connection_params.items() if key != "requirepeer"}
        through["host"] = folder
        with mock.patch.object(Cluster, "connection_params", through):
            program = get_wsgi_application()
            for question in questions:
                door.said.clear()
                status = _ask(program, question)
                if status not in {"200 OK", "201 Created"}:
                    raise SystemExit(f"{question.path} answered {status}")
                found.append(list(door.said))
            connections["default"].close()
        door.close()
    return found


def _ask(program: object, question: Question) -> str:
    body = question.body.encode()
    environ = {
        "REQUEST_METHOD": question.method, "PATH_INFO": question.path, "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
        "wsgi.multiprocess": True, "wsgi.run_once": False, "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    for name, value in question.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    said: list[str] = []
    response = program(environ, lambda status, _headers, _error=None: said.append(status))  # type: ignore[operator]
    for _chunk in response:
        pass
    response.close()
    return said[0]
