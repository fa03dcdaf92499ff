"""`make demo`: environment, embedded PostgreSQL, migrations, demo data, then server and worker until Ctrl-C.

Migrations and data are made by the database owner; server and worker connect as a role that owns nothing (config/roles.py),
as they should elsewhere. A server that DATABASE_URL names has its own roles, so there they connect as it says.

It answers this machine alone; `make demo HOST=0.0.0.0` lets a phone in the same network open it too.

A second run finds all of this done and starts at once. What it makes is kept in var/ and .env of this folder.
"""

import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections

from config.roles import RUNTIME_ROLE, create_runtime_role

ROOT = Path(__file__).resolve().parent.parent
HIGHEST_PORT = 65535
MANAGE = [sys.executable, str(ROOT / "manage.py")]


def environment() -> dict[str, str]:
    """The settings of the demo: those of `.env`, which is made with a secret of its own if there is none.

    So `manage.py` finds the same database and secret when it is run by hand.
    """
    dotenv = ROOT / ".env"
    if not dotenv.exists():
        dotenv.touch(mode=0o600)
        dotenv.write_text(
            "# Made by `make demo` for this folder; .env.example lists all settings.\n"
            f"SECRET_KEY={secrets.token_urlsafe(50)}\nHTTPS=off\nALLOWED_HOSTS=*\n",
            encoding="utf-8",
        )
    defaults = {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
    return defaults | os.environ | {"HTTPS": "off", "DATABASE_ROLE": ""}  # as the owner to begin with


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def why_not(port: str) -> str:
    """What is wrong with this port, in a sentence that says what to type; nothing if it can be used."""
    if not (port.isdecimal() and 1 <= int(port) <= HIGHEST_PORT):
        return f"PORT={port} is no number from 1 to {HIGHEST_PORT}. Type for example: make demo PORT=8001"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except PermissionError:
            return f"Port {port} is for the system's own programs. Type for example: make demo PORT=8001"
        except OSError:
            another = 8001 if port == str(HIGHEST_PORT) else int(port) + 1
            return f"Port {port} is in use by another program. Type for example: make demo PORT={another}"
    return ""


def prepare() -> str:
    """Bring the database and the static files up to date; return what went wrong, if anything."""
    # In this process: starting Python and Django for each step would take most of the time of a second start.
    django.setup()
    for name, options in (
        ("migrate", {"verbosity": 0}),
        # Finds out whether the data in var/ was made with another .env; its warnings are for those who run it in earnest.
        ("check", {"databases": ["default"], "tags": ["database"], "stdout": io.StringIO(), "stderr": io.StringIO()}),
        ("seed_demo", {}),
        ("demo_couriers", {}),
        ("demo_points", {}),
        ("collectstatic", {"interactive": False, "verbosity": 0}),
    ):
        try:
            call_command(name, **options)
        except (CommandError, DatabaseError) as error:
            return f"`manage.py {name}` failed: {error}"
    return ""


def give_up_ownership() -> tuple[dict[str, str], str]:
    """What server and worker need in their environment to own nothing; and what went wrong, if anything."""
    if not settings.EMBEDDED_POSTGRES:
        return {}, ""
    try:
        # Nobody needs the password: only those who can open the socket's folder are let in.
        create_runtime_role(name=RUNTIME_ROLE, password=secrets.token_urlsafe(32))
    except DatabaseError as error:
        return {}, f"The role {RUNTIME_ROLE} could not be made: {error}"
    return {"DATABASE_ROLE": RUNTIME_ROLE}, ""


def wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    for _ in range(150):
        if server.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(address + "readyz", timeout=2):  # noqa: S310 - our own loopback address
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    return False


def main() -> int:
    port = os.environ.get("PORT", "8000")
    if trouble := why_not(port):
        say(trouble)
        return 2
    host = os.environ.get("HOST", "127.0.0.1")
    said = environment()
    os.environ.update(said)
    # A supervisor, or closing the window, ends the demo as Ctrl-C does and leaves nothing running.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    # A shell that starts it in the background makes it, and all that it starts, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    running: list[subprocess.Popen[bytes]] = []
    try:
        say("Preparing the database and the demo data …")
        if trouble := prepare():
            say(trouble)
            return 1
        role, trouble = give_up_ownership()
        if trouble:
            say(trouble)
            return 1
        # Children get a session of their own: Ctrl-C reaches this process alone, which then ends them in order.
        server = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"{host}:{port}", "--workers", "2",
                "--worker-class", "gthread", "--threads", "4", "--log-level", "warning",
            ],
            cwd=ROOT, env=os.environ | role, start_new_session=True,
        )  # fmt: skip
        running.append(server)
        running.append(subprocess.Popen([*MANAGE, "worker"], cwd=ROOT, env=os.environ | role, start_new_session=True))
        address = f"http://127.0.0.1:{port}/"
        if not wait_until_it_answers(address, server):
            say("The server did not start; its message stands above.")
            return 1
        say()
        say(f"  江城蜂巢          {address}")
        say(f"  武昌区            {address}districts/420106/")
        say(f"  我的蜂巢          {address}me/")
        say(f"  柜台 counter      {address}counter/")
        say(f"  管理后台 admin    {address}admin/")
        say(f"  API               {address}api/v1/stations/")
        say()
        call_command("demo_accounts")
        call_command("demo_pins")
        call_command("demo_partner")
        connections.close_all()
        say()
        say("Ctrl-C ends all of it.")
        while all(process.poll() is None for process in running):
            time.sleep(0.5)
        say("The server or the worker has ended; its message stands above.")
        return 1
    except (KeyboardInterrupt, SystemExit):
        say("\nStopping …")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        connections.close_all()
        if not said.get("DATABASE_URL"):
            subprocess.run([*MANAGE, "embedded_postgres", "stop"], check=False, cwd=ROOT, stdout=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
