"""`manage.py embedded_postgres start|stop|status`: by hand what the first connection does by itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.embedded_postgres.cluster import ClusterError, configured


class Command(BaseCommand):
    help = str(gettext_lazy("Start, stop or look at the embedded PostgreSQL of this folder."))
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *, action: str, **options: Any) -> None:  # noqa: ARG002
        cluster = configured()
        try:
            if action == "start":
                cluster.start()
            elif action == "stop":
                cluster.stop()
            pid = cluster.pid
        except ClusterError as error:
            raise CommandError(str(error)) from error
        if pid is None:
            self.stdout.write(_("No embedded PostgreSQL is running in {folder}.").format(folder=cluster.home))
        else:
            said = _("The embedded PostgreSQL in {folder} is running (process {pid}).")
            self.stdout.write(said.format(folder=cluster.home, pid=pid))
            self.stdout.write(f'psql "{cluster.dsn()}"')
