"""When a station changed, in the database's own time, so that partners who keep a copy miss nothing.

A change becomes visible when it is committed, which is later than the moment it is stamped with; a program that asks
"what changed since my last look" would lose what was stamped before and committed after it. So until it is committed a
change holds a lock that names its second, and a look-up says up to which moment nothing is under way (`settled_until`).
Decision 0010 has the proof; the stamp comes from the database, since the clocks of many machines disagree.
"""

from datetime import datetime

from django.db import connection

__all__ = ["settled_until", "stamp"]

# The first number of the advisory lock; the second is the second it was taken in.
_LOCK = 420_100


def stamp() -> datetime:
    """The moment to write into `Station.updated_at`; call it inside the transaction that writes, before it writes.

    Locks: shared, blocking nobody; the lock exists to be seen.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            # The lock is taken, and can be seen, before the clock is read. OFFSET 0 keeps the two apart.
            "SELECT clock_timestamp() FROM (SELECT pg_advisory_xact_lock_shared("
            "%s, floor(date_part('epoch', clock_timestamp()))::int4) OFFSET 0) seen",
            [_LOCK],
        )
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def settled_until() -> datetime:
    """The moment before which every stamped change is committed, or never will be. Ask for it before the look-up.

    A change whose lock is not seen is committed already, or will take its lock, and after that its stamp, later than now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            # The time at which this statement began, not the later one at which it has read the locks.
            "SELECT least(statement_timestamp(), to_timestamp(min(objid::int8))) FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid = %s::oid AND objsubid = 2 AND granted"
            " AND pid <> pg_backend_pid()"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [_LOCK],
        )
        return cursor.fetchone()[0]  # type: ignore[no-any-return]
