"""`manage.py embedded_postgres start|stop|status`: by hand what the first connection does by itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.embedded_postgres.cluster import ClusterError, configured


class Command(BaseCommand):
    help = "Start, stop or look at the embedded PostgreSQL of this folder."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *, action: str, **_: Any) -> None:
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
            self.stdout.write(f"No embedded PostgreSQL is running in {cluster.home}.")
        else:
            self.stdout.write(f"The embedded PostgreSQL in {cluster.home} is running (process {pid}).")
            self.stdout.write(f'psql "{cluster.dsn()}"')
