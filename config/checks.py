"""System checks of the project's settings; config/apps.py imports them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, NotSupportedError, OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from config.embedded_postgres.cluster import ENGINE
from core import rules

OLDEST_POSTGRESQL = 15
_HOST = re.compile(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:.]+\]")
# As the library reads a line.
_VARIABLE = re.compile(r"(?:export )?(\w+)=", re.ASCII)
_LIKE_A_NAME = re.compile(r"\s*(?:export )?([A-Z_]+)\s*[=:]")


@checks.register(checks.Tags.security, deploy=True)
def embedded_postgres_is_for_trials(**_: Any) -> list[checks.CheckMessage]:
    """config.W001: the embedded PostgreSQL lives and dies with one machine, so a deployment names a server."""
    if settings.DEBUG or settings.DATABASES["default"]["ENGINE"] != ENGINE:
        return []
    return [
        checks.Warning(
            "The embedded PostgreSQL is used while DEBUG is off.",
            hint=(
                "It is for demo, development and tests on one trusted machine. "
                "Set DATABASE_URL to a PostgreSQL server that is backed up."
            ),
            id="config.W001",
        )
    ]


@checks.register(checks.Tags.security)
def notices_have_a_way_out(**_: Any) -> list[checks.CheckMessage]:
    """config.E002: NOTIFY names no channel that core/notices.py knows; a typing error must not make notices vanish."""
    kind, _blank, address = settings.NOTIFY.partition(" ")
    if settings.NOTIFY == "console" or (kind in ("post", "wecom") and address.startswith("https://")):
        return []
    return [
        checks.Error(
            "NOTIFY is neither console, nor post or wecom with an https address.",
            hint="Write `NOTIFY=console`, `NOTIFY=post https://…` or `NOTIFY=wecom https://…`.",
            id="config.E002",
        )
    ]


@checks.register(checks.Tags.security)
def printed_addresses_are_whole(**_: Any) -> list[checks.CheckMessage]:
    """config.E003: PUBLIC_BASE_URL has no scheme or more than a host; the codes on printed posters would lead nowhere."""
    parts = urlsplit(settings.PUBLIC_BASE_URL)
    is_whole = parts.scheme in ("http", "https") and parts.netloc and parts.path in ("", "/") and not parts.query
    if not settings.PUBLIC_BASE_URL or is_whole:
        return []
    return [
        checks.Error(
            "PUBLIC_BASE_URL is no address of a site.",
            hint="Write it with its scheme and nothing behind the host, such as https://fengchao.example.cn, or leave it empty.",
            id="config.E003",
        )
    ]


@checks.register(checks.Tags.security)
def hosts_are_names(**_: Any) -> list[checks.CheckMessage]:
    """config.E005: ALLOWED_HOSTS has something that no request can name as its host; each would be answered with 400."""
    wrong = [host for host in settings.ALLOWED_HOSTS if not _HOST.fullmatch(host)]
    if not wrong:
        return []
    return [
        checks.Error(
            f"ALLOWED_HOSTS has what is no host: {', '.join(map(repr, wrong))}.",
            hint="Write names alone, without https:// and without port, a comma between two.",
            id="config.E005",
        )
    ]


@checks.register(checks.Tags.security, deploy=True)
def variables_are_known(**_: Any) -> list[checks.CheckMessage]:
    """config.W002: a line of the file of settings says nothing to the program, as when its name is misspelt: the default holds
    instead, and nothing else would say so.
    """
    known = re.findall(r"^(\w+)=", (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    file: Path = settings.ENV_FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    idle = []
    for number, line in enumerate(lines, 1):
        name = _VARIABLE.match(line)
        if line.strip() and not line.lstrip().startswith("#") and not (name and name[1] in known):
            # What stands behind a name may be a secret, and so may a word without one.
            told = _LIKE_A_NAME.match(line)
            idle.append(f"line {number} ({told[1]})" if told else f"line {number}")
    if not idle:
        return []
    return [
        checks.Warning(
            f"{file} has lines that the program does not read: {', '.join(idle)}.",
            hint="Write NAME=value, without blanks around =; .env.example has all names.",
            id="config.W002",
        )
    ]


@checks.register(checks.Tags.database)
def postgresql_is_new_enough(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """config.E001: PostgreSQL is older than 15. A server that does not answer is not this check's business."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        try:
            connection.ensure_connection()
        except OperationalError:
            continue
        except NotSupportedError as error:  # so old that Django itself refuses it
            found.append(_too_old(alias, str(error)))
            continue
        version: int = connection.pg_version  # type: ignore[attr-defined]
        if version < OLDEST_POSTGRESQL * 10_000:
            found.append(_too_old(alias, f"It is PostgreSQL {version // 10_000}.{version % 10_000}."))
    return found


@checks.register(checks.Tags.database)
def rules_are_in_force(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """config.E004, config.E006: a rule of the database is switched off or altered, by hand or by a restore that skips triggers,
    and nothing else would say so: every page works without it.
    """
    if not databases:
        return []
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return []  # `migrate` is about to bring them
        off, altered = rules.switched_off(), rules.altered()
    except (DatabaseError, ImproperlyConfigured):
        return []
    found: list[checks.CheckMessage] = []
    if off:
        found.append(
            checks.Error(
                f"The database does not keep {len(off)} of its rules: {', '.join('.'.join(rule) for rule in off)}.",
                hint=(
                    "Stop web and worker. As the owner: "
                    + " ".join(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};" for table, name in off)
                    + " Where one does not exist, restore the backup anew. Then run verify_ledger."
                ),
                id="config.E004",
            )
        )
    if altered:
        found.append(
            checks.Error(
                f"Functions by which the database keeps its rules are not those of this release: {', '.join(altered)}.",
                hint=(
                    "Stop web and worker. As the owner: run each as it is written in */sql/*.sql, with CREATE OR REPLACE FUNCTION"
                    " instead of CREATE FUNCTION. Then run verify_ledger."
                ),
                id="config.E006",
            )
        )
    return found


def _too_old(alias: str, reason: str) -> checks.Error:
    return checks.Error(
        f"The database {alias!r} is older than PostgreSQL {OLDEST_POSTGRESQL}. {reason}",
        hint="Upgrade the server, or name a newer one in DATABASE_URL.",
        id="config.E001",
    )
