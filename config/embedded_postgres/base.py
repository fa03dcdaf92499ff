"""The Django backend: PostgreSQL's own, with a server that is made and started by the first connection.

Settings: {"ENGINE": "config.embedded_postgres", "NAME": the database, "DATA_DIR": the folder of the server, "USER": the role
to connect as; empty: the owner of everything}. The server is made and started by the owner, whoever connects.
"""

from typing import Any

from django.db.backends.postgresql import base

from config.embedded_postgres.client import DatabaseClient
from config.embedded_postgres.cluster import Cluster


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the embedded PostgreSQL."""

    client_class = DatabaseClient

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.settings_dict["DATA_DIR"])

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params() | self.cluster.connection_params
        if self.settings_dict["USER"]:
            params["user"] = self.settings_dict["USER"]
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError as error:
            # With a code it is the server that speaks, so there is one; psycopg2 has none for a failed connection.
            if error.pgcode is not None:
                raise
        self.cluster.start(conn_params["dbname"])
        return super().get_new_connection(conn_params)
