"""The role that server and worker run as: it owns nothing, so it can neither change a table nor switch a trigger off.

Migrations, backups and `verify_ledger` run as the owner.
"""

from django.db import connection, transaction
from psycopg2 import sql

__all__ = ["RUNTIME_ROLE", "create_runtime_role"]

RUNTIME_ROLE = "fengchao_app"
_LOCK = 420_201

# Rows that are only ever added; the triggers refuse it as well.
APPENDED = (
    "core_auditevent", "couriers_consent", "couriers_erasure", "points_posting", "points_entry", "points_seal",
    "points_sealedposting",
)  # fmt: skip
# Only entries move an account, and the referee books them as the owner. One column may be updated, as otherwise no row
# could be locked; the referee refuses the update itself.
LOCKED_ONLY = ("points_account",)
LIMITS = {"lock_timeout": "2s", "statement_timeout": "10s", "idle_in_transaction_session_timeout": "15s"}


@transaction.atomic
def create_runtime_role(*, name: str, password: str) -> str:
    """Make the role, or bring its password and rights up to date; answer its name.

    Run it after each migration, since rights are given for the tables that exist. It needs a role that may create roles
    (CREATEROLE) and owns the tables.
    Raises: DatabaseError.
    """
    role, tables = sql.Identifier(name), sql.SQL("ALL TABLES IN SCHEMA public")
    with connection.cursor() as wrapper, connection.wrap_database_errors:
        cursor = wrapper.cursor
        # Two runs at once would collide in the system's tables.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
            " WHERE rolname = %s",
            [name],
        )
        found = cursor.fetchone()
        # Only a superuser may name these powers; an owner that is none need not, since the role has none of them.
        powers = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS" if found != (False,) else "")
        cursor.execute(
            sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}").format(
                sql.SQL("ALTER" if found else "CREATE"), role, powers, sql.Literal(password)
            )
        )
        for setting, value in LIMITS.items():
            cursor.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(setting), sql.Literal(value))
            )
        cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(tables, role))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        cursor.execute(sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(role))
        cursor.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(tables, role))
        for table in (*APPENDED, *LOCKED_ONLY):
            cursor.execute(sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(table), role))
        for table in LOCKED_ONLY:
            cursor.execute(sql.SQL("GRANT UPDATE (id) ON {} TO {}").format(sql.Identifier(table), role))
        cursor.execute(sql.SQL("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {}").format(role))
    return name
