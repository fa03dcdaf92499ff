"""`manage.py worker`: runs the periodic jobs until it is told to stop."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.db.backends.signals import connection_created
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from core import clock

logger = logging.getLogger(__name__)

# The program's role has short timeouts, because a person is waiting. Nobody waits for the worker, and a batch of a long
# list takes its time; a statement that hangs is given up all the same. The lock timeout is as short as everywhere.
PATIENCE = {"statement_timeout": "15min", "idle_in_transaction_session_timeout": "5min"}


def take_time(connection: Any, **_: Any) -> None:
    """Give a new connection the worker's patience."""
    with connection.cursor() as cursor:
        for setting, value in PATIENCE.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [setting, value])


class Command(BaseCommand):
    """Each job finds its own work in the database and claims it there, so any number of workers may run beside each other."""

    help = str(_("Run the periodic jobs: opening hours for the days ahead, and whatever else falls due."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help=str(_("run every job once and end")))

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:  # noqa: ARG002
        stop = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        connection_created.connect(take_time, dispatch_uid="worker")
        try:
            self._work(stop, once=once)
        finally:
            connection_created.disconnect(dispatch_uid="worker")

    def _work(self, stop: threading.Event, *, once: bool) -> None:
        due_s = {name: 0.0 for name, _every_s in settings.PERIODIC_JOBS}
        while not stop.is_set():
            for name, every_s in settings.PERIODIC_JOBS:
                if time.monotonic() >= due_s[name]:
                    due_s[name] = time.monotonic() + every_s
                    self._run(name, raise_errors=once)
            if once:
                return
            close_old_connections()  # one that the server has dropped is opened anew by the next job
            stop.wait(1.0)

    @staticmethod
    def _run(name: str, *, raise_errors: bool) -> None:
        try:
            import_string(name)(now=clock.now())
        except Exception:
            # One broken job must not stop the others; the log line is what an operator watches.
            logger.exception("job %s failed", name)
            if raise_errors:
                raise
