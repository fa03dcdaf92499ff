"""Two answers for monitoring: the process is alive; the database is there, migrated, open to this role, and keeps its rules."""

from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from core import rules

__all__ = ["livez", "readyz"]

# A table of a new release, for which `create_roles` was not run again.
_SHUT = (
    "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    " AND NOT has_table_privilege(oid, 'SELECT')"
)


def livez(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 when the database answers, has every migration, lets this role read every table and keeps every rule, else 503 with
    what is missing.
    """
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        with connection.cursor() as cursor:
            cursor.execute(_SHUT)
            (shut,) = cursor.fetchone()
        off, altered = len(rules.switched_off()), len(rules.altered())
    except (OperationalError, InterfaceError):
        return JsonResponse({"status": "no database"}, status=503)
    if pending:
        return JsonResponse({"status": "migrations pending", "pending": len(pending)}, status=503)
    if shut:
        return JsonResponse({"status": "rights missing", "tables": shut}, status=503)
    if off or altered:
        return JsonResponse({"status": "rules off", "triggers": off, "functions": altered}, status=503)
    return JsonResponse({"status": "ok"})
