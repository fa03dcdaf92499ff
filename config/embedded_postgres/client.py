"""`manage.py dbshell` for the embedded PostgreSQL: the wheel's psql, on its socket."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import client

from config.embedded_postgres import cluster


class DatabaseClient(client.DatabaseClient):
    """Starts psql, and before it the server."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        server = cluster.Cluster(settings_dict["DATA_DIR"])
        return [str(cluster.binary("psql")), server.dsn(settings_dict["NAME"]), *parameters], None

    def runshell(self, parameters: Iterable[str]) -> None:
        self.connection.ensure_connection()
        super().runshell(parameters)
