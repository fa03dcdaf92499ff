"""A dump of the database, restored on another server (T21): the books, their seals and their referee come with it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from config.embedded_postgres.cluster import Cluster, binary
from config.roles import create_runtime_role
from points import ledger, redemption, sealing, verifying
from points.models import Posting, Seal, SealedPosting
from tests.builders import NOON, make_courier
from tests.points.books import Books, award, keep_books, op, order
from tests.points.test_referee import POSTING, installed_triggers, posted, require_declared_functions
from tests.points.test_sealing import seal
from tests.proving import IS_FULL, counted, times

pytestmark = pytest.mark.xdist_group("restoring")

ENTRIES = times(4_000, 1_000_000)
WITHIN_S = 600
AT_ONCE = 5_000
ROLE = "fengchao_restored"


def fill(books: Books, postings: int) -> None:
    """So many postings of two entries each, as an office brings its paper books over."""
    wallets = [books.wallet, *(ledger.wallet(make_courier()) for _number in range(times(9, 199)))]
    opening = ledger.of_district("opening", books.district.code)
    while postings:
        some = min(AT_ONCE, postings)
        postings -= some
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH p AS (INSERT INTO points_posting"
                " (op_id, kind, actor_name, approver_name, reason, source, occurred_at)"
                " SELECT gen_random_uuid(), 'opening', 'tests', '', '账本', n::text, %s FROM generate_series(1, %s) n"
                " RETURNING id, source::bigint AS n)"
                " INSERT INTO points_entry (posting_id, account_id, amount)"
                " SELECT p.id, m.account, m.amount FROM p, LATERAL (VALUES"
                " (%s, -(p.n %% 50 + 1)), ((%s::bigint[])[1 + p.n %% %s], p.n %% 50 + 1)) m (account, amount)"
                " ORDER BY m.account",
                [NOON, some, opening, wallets, len(wallets)],
            )


# Every row of these, as one number.
DIGESTS = {
    table: f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t"  # noqa: S608
    for table in (
        "points_account", "points_posting", "points_entry", "points_seal", "points_sealedposting", "points_award",
        "points_redemption", "couriers_courier", "couriers_consent", "core_auditevent",
    )
}  # fmt: skip


def digests() -> dict[str, Any]:
    found = {}
    with connection.cursor() as cursor:
        for table, statement in DIGESTS.items():
            cursor.execute(statement)
            found[table] = cursor.fetchone()
    return found


def rights() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, privilege_type FROM information_schema.table_privileges WHERE grantee = %s ORDER BY 1, 2",
            [ROLE],
        )
        return list(cursor.fetchall())


@contextmanager
def on(cluster: Cluster, name: str) -> Iterator[None]:
    """Point this process to a database of another server."""
    before = connection.settings_dict["DATA_DIR"], connection.settings_dict["NAME"]

    def point_to(folder: Any, database: str) -> None:
        connections.close_all()
        for entry in (connection.settings_dict, connections.settings["default"]):
            entry["DATA_DIR"], entry["NAME"] = folder, database

    point_to(cluster.home, name)
    try:
        yield
    finally:
        point_to(*before)


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[Cluster]:
    """A new one, whose transactions begin anew: theirs have smaller numbers than those in the dump."""
    made = Cluster(tmp_path / "other")
    made.start("restored")
    yield made
    made.stop("immediate")


def run(program: str, *arguments: str) -> None:
    done = subprocess.run([binary(program), *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-2_000:]


def test_a_restored_dump_is_the_same_ledger_under_the_same_referee(
    transactional_db: None,  # noqa: ARG001
    other_server: Cluster,
    tmp_path: Path,
) -> None:
    books = keep_books()
    waiting = order(books)
    redemption.cancel(redemption=order(books), reason="tests", op_id=op(), actor="tests", at=NOON)
    fill(books, ENTRIES // 2)
    seal(now=NOON)
    unsealed = award(books, 7)
    dump = str(tmp_path / "ledger.dump")
    database = connection.settings_dict["NAME"]
    server: Cluster = connection.cluster  # type: ignore[attr-defined]
    try:
        create_runtime_role(name=ROLE, password="of-the-tests-only")
        before = digests(), installed_triggers(), rights()
        run("pg_dump", "-Fc", "-f", dump, "-d", server.dsn(database))
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")

    started = time.monotonic()
    with on(other_server, "restored"):
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN")  # what pg_dumpall --globals-only brings
        run("pg_restore", "--exit-on-error", "-j", "2", "-d", other_server.dsn("restored"), dump)
        restored_s = time.monotonic() - started
        assert list(verifying.verify_ledger()) == []
        verified_s = time.monotonic() - started
        assert (digests(), installed_triggers(), rights()) == before
        assert set(before[1].values()) == {"A"}
        require_declared_functions()

        # It goes on: what was not sealed yet is sealed, and what waits is handed over.
        assert not SealedPosting.objects.filter(posting=unsealed).exists()
        seals = Seal.objects.count()
        assert sealing.seal_ledger(now=NOON + timedelta(minutes=10)) == 1
        assert Seal.objects.count() == seals + 1
        redemption.cancel(redemption=waiting, reason="tests", op_id=op(), actor="tests", at=NOON)
        require_referee(books)
        assert sealing.seal_ledger(now=NOON + timedelta(minutes=20)) > 0
        assert list(verifying.verify_ledger()) == []
    if IS_FULL:
        assert verified_s <= WITHIN_S
    counted(
        "T21", "entries dumped, restored on another server, and verified", entries=before[0]["points_entry"][0],
        seconds_to_restore=round(restored_s), seconds_with_verify=round(verified_s), triggers=len(before[1]),
        seals=seals,
    )  # fmt: skip


def require_referee(books: Books) -> None:
    """As the program's role: what is right goes through, and an attack does not."""
    ids = {"fund": books.fund, "wallet": books.wallet}
    right = posted("award", "({fund}, -5), ({wallet}, 5)").replace("award", "merge").format(**ids)
    attacks = {
        "do not come to 0": posted("award", "({wallet}, 5)").format(**ids),
        "permission denied": "UPDATE points_account SET balance = 9",
        "what its kind does not move": right,
        "has no entries": POSTING.format(kind="award", reverses="NULL") + "; SET CONSTRAINTS ALL IMMEDIATE",
    }
    for said, attack in attacks.items():
        with pytest.raises(DatabaseError, match=said), transaction.atomic():
            as_the_role(attack)
    before, postings = ledger.balance_of(books.wallet), Posting.objects.count()
    opening = ledger.of_district("opening", books.district.code)
    with transaction.atomic():
        as_the_role(posted("opening", f"({opening}, -5), ({books.wallet}, 5)"))
    assert (ledger.balance_of(books.wallet), Posting.objects.count()) == (before + 5, postings + 1)


def as_the_role(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        cursor.execute(statement)
        cursor.execute("RESET ROLE")
