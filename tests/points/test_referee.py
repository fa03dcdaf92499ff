"""Attacks in SQL on the ledger, as the role the program runs as and as the owner of the tables: all are refused."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from config.roles import create_runtime_role
from points import ledger
from points.models import Account, Entry, Gift, Posting, Seal, SealedPosting
from tests.builders import NOON, make_courier, make_station, make_subdistrict
from tests.points.books import Books, award, keep_books, op
from tests.proving import counted

pytestmark = pytest.mark.django_db

POSTING = (
    "INSERT INTO points_posting (op_id, kind, actor_name, approver_name, reason, source, occurred_at, reverses_id)"
    " VALUES (gen_random_uuid(), '{kind}', 'thief', '', '', '', now(), {reverses}) RETURNING id"
)
ENTRY = "INSERT INTO points_entry (posting_id, account_id, amount) "


def posted(kind: str, moves: str, reverses: str = "NULL") -> str:
    """A posting with entries in one statement, as the program writes it."""
    posting = POSTING.format(kind=kind, reverses=reverses)
    return f"WITH p AS ({posting}) {ENTRY} SELECT p.id, m.a, m.n FROM p, (VALUES {moves}) m(a, n)"  # noqa: S608


# What is wrong with it → the statement. {wallet}, {fund}, {stock}, {redeemed} … are ids of accounts.
ATTACKS = {
    "a balance is set": "UPDATE points_account SET balance = 1000000 WHERE id = {wallet}",
    "a balance and its number are set": "UPDATE points_account SET balance = balance + 5, seq = seq + 1 WHERE id = {wallet}",
    "a wallet is given to somebody else": "UPDATE points_account SET courier_id = {stranger} WHERE id = {wallet}",
    "a wallet is made unbounded": "UPDATE points_account SET is_bounded = false WHERE id = {wallet}",
    "a wallet begins unbounded, and pays": (
        "INSERT INTO points_account (kind, courier_id, is_bounded, balance, seq) VALUES ('wallet', {stranger}, false, 0, 0); "  # noqa: S608 - numbers
        + posted("redemption", "((SELECT id FROM points_account WHERE courier_id = {stranger}), -5), ({redeemed}, 5)")
    ),
    "a wallet becomes a fund": "UPDATE points_account SET kind = 'fund', courier_id = NULL, division_id = '420104' WHERE id = {wallet}",
    "an account begins full": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {stranger}, 500, 0)",
    "an account begins with a number": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {stranger}, 0, 7)",
    "a second wallet": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {courier}, 0, 0)",
    "a wallet of nobody": "INSERT INTO points_account (kind, balance, seq) VALUES ('wallet', 0, 0)",
    "expired points of somebody": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('expired', {courier}, 0, 0)",
    "a fund with an owner": "INSERT INTO points_account (kind, division_id, courier_id, balance, seq) VALUES ('fund', '420104', {courier}, 0, 0)",
    "stock of a gift of another district": (
        "INSERT INTO points_account (kind, gift_id, division_id, station_id, balance, seq)"
        " VALUES ('stock', {gift}, '420104', {station}, 0, 0)"
    ),
    "pieces of a gift for another district": (
        "INSERT INTO points_account (kind, gift_id, division_id, balance, seq) VALUES ('supplier', {gift}, '420104', 0, 0)"
    ),
    "stock in a station of another district": (
        "INSERT INTO points_account (kind, gift_id, division_id, station_id, balance, seq)"
        " VALUES ('stock', {gift}, '420106', {other_station}, 0, 0)"
    ),
    "an account is deleted": "DELETE FROM points_account WHERE id = {wallet}",
    "all accounts are deleted": "TRUNCATE points_account CASCADE",
    "an entry is changed": "UPDATE points_entry SET amount = amount * 10 WHERE account_id = {wallet}",
    "an entry moves to another account": "UPDATE points_entry SET account_id = {fund} WHERE account_id = {wallet}",
    "an entry is deleted": "DELETE FROM points_entry WHERE account_id = {wallet}",
    "entries are emptied": "TRUNCATE points_entry CASCADE",
    "a posting is changed": "UPDATE points_posting SET actor_name = 'somebody' WHERE id = {posting}",
    "a posting's reason is changed": "UPDATE points_posting SET reason = 'other' WHERE id = {posting}",
    "a posting is deleted": "DELETE FROM points_posting WHERE id = {posting}",
    "postings are emptied": "TRUNCATE points_posting CASCADE",
    "points from nowhere": posted("award", "({wallet}, 100)"),
    "points into nowhere": posted("award", "({fund}, -100)"),
    "more arrive than leave": posted("award", "({fund}, -100), ({wallet}, 101)"),
    "points for pieces": posted("order", "({wallet}, -1), ({stock}, 1)"),
    "an amount of 0": posted("award", "({fund}, 0), ({wallet}, 0)"),
    "an amount beyond all measure": posted("allocation", "({issued}, -10000000000), ({fund}, 10000000000)"),
    "a posting without entries": POSTING.format(kind="award", reverses="NULL"),
    "two entries for an old posting": ENTRY + "VALUES ({posting}, {issued}, -5), ({posting}, {redeemed}, 5)",
    "an entry for no posting": ENTRY + "VALUES (999999999, {fund}, -5), (999999999, {wallet}, 5)",
    "an entry for no account": posted("award", "({fund}, -5), (999999999, 5)"),
    "one account twice": posted("award", "({fund}, -10), ({wallet}, 5), ({wallet}, 5)"),
    "an award from outside": posted("award", "({issued}, -100), ({wallet}, 100)"),
    "an award backwards": posted("award", "({wallet}, -100), ({fund}, 100)"),
    "an order that pays": posted("order", "({redeemed}, -100), ({wallet}, 100)"),
    "an opening balance for a fund": posted("opening", "({opening}, -100), ({fund}, 100)"),
    "a redemption that brings pieces": posted(
        "redemption", "({wallet}, -5), ({redeemed}, 5), ({supplier}, -1), ({stock}, 1)"
    ),
    "an unknown kind": posted("present", "({fund}, -5), ({wallet}, 5)"),
    "a wallet overdrawn": posted("expiry", "({wallet}, -100000), ({expired}, 100000)"),
    "a fund overdrawn": posted("award", "({fund}, -10000000), ({wallet}, 10000000)"),
    "two districts in one posting": posted("allocation", "({issued}, -5), ({other_fund}, 5)"),
    "a reversal of nothing": posted("reversal", "({wallet}, -5), ({fund}, 5)"),
    "a reversal of half": posted("reversal", "({wallet}, -5), ({fund}, 5)", reverses="{posting}"),
    "a reversal of more": posted("reversal", "({wallet}, -1000), ({fund}, 999), ({issued}, 1)", reverses="{posting}"),
    "a reversal that brings pieces along": posted(
        "reversal", "({wallet}, -1000), ({fund}, 1000), ({supplier}, -5), ({stock}, 5)", reverses="{posting}"
    ),
    "a reversal of the points and not of the piece": (
        posted("order", "({wallet}, -200), ({redeemed}, 200), ({stock}, -1), ({reserve}, 1)")  # noqa: S608 - numbers
        + "; "
        + posted("reversal", "({wallet}, 200), ({redeemed}, -200)", reverses="(SELECT max(id) FROM points_posting)")
    ),
    "a reversal of a reversal": posted("reversal", "({fund}, -7), ({wallet}, 7)", reverses="{reversal}"),
    "a second reversal": posted("reversal", "({wallet}, -7), ({fund}, 7)", reverses="{reversed}"),
    "an award that takes back": posted("award", "({fund}, -5), ({wallet}, 5)", reverses="{posting}"),
    "booked by an entry that is dropped": (
        "INSERT INTO points_entry (posting_id, account_id, amount) VALUES ({posting}, {wallet}, 500) ON CONFLICT DO NOTHING"
    ),
    "an entry overwritten by its conflict": (
        "INSERT INTO points_entry (posting_id, account_id, amount) VALUES ({posting}, {wallet}, 500)"
        " ON CONFLICT (posting_id, account_id) DO UPDATE SET amount = 500"
    ),
    "a seal is changed": "UPDATE points_seal SET digest = repeat('0', 64)",
    "a seal is deleted": "DELETE FROM points_sealedposting; DELETE FROM points_seal",
    "seals are emptied": "TRUNCATE points_seal CASCADE",
    "merged": (
        "MERGE INTO points_account a USING (SELECT 1) s ON a.id = {wallet} WHEN MATCHED THEN UPDATE SET balance = 9"
    ),
    "an entry is merged over": (
        "MERGE INTO points_entry e USING (VALUES ({posting}, {wallet}, 500)) s (p, a, n)"
        " ON e.posting_id = s.p AND e.account_id = s.a WHEN MATCHED THEN UPDATE SET amount = s.n"
    ),
    "an entry is merged away": (
        "MERGE INTO points_entry e USING (SELECT 1) s ON e.posting_id = {posting} WHEN MATCHED THEN DELETE"
    ),
    "an entry is merged in": (
        "MERGE INTO points_entry e USING (VALUES ({posting}, {issued}, 500)) s (p, a, n)"
        " ON e.posting_id = s.p AND e.account_id = s.a"
        " WHEN NOT MATCHED THEN INSERT (posting_id, account_id, amount) VALUES (s.p, s.a, s.n)"
    ),
    "a balance is set from another table": (
        "UPDATE points_account a SET balance = f.balance FROM points_account f WHERE f.id = {fund} AND a.id = {wallet}"
    ),
    "entries are deleted by another table": (
        "DELETE FROM points_entry e USING points_posting p WHERE p.id = e.posting_id AND p.id = {posting}"
    ),
    "an account by its conflict": (
        "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {courier}, 0, 0)"
        " ON CONFLICT (kind, gift_id, division_id, courier_id, station_id) DO UPDATE SET balance = 5000"
    ),
    "a posting by its conflict": (
        POSTING.format(kind="award", reverses="NULL")
        .replace(" RETURNING id", " ON CONFLICT (id) DO UPDATE SET actor_name = 'somebody'")
        .replace("(op_id", "(id, op_id")
        .replace("VALUES (", "OVERRIDING SYSTEM VALUE VALUES ({posting}, ")
    ),
    "a posting under a number that is taken": (
        POSTING.format(kind="award", reverses="NULL")
        .replace(" RETURNING id", "")
        .replace("(op_id", "(id, op_id")
        .replace("VALUES (", "OVERRIDING SYSTEM VALUE VALUES ({posting}, ")
    ),
    "points from nowhere, to be asked later": ("SET CONSTRAINTS ALL DEFERRED; " + posted("award", "({wallet}, 100)")),
    "a posting without entries, to be asked never": (
        "SET CONSTRAINTS ALL DEFERRED; " + POSTING.format(kind="award", reverses="NULL") + "; SAVEPOINT later"
    ),
    "booked by an entry that is dropped, and covered by a true one": (
        ENTRY
        + "VALUES ({posting}, {wallet}, 500) ON CONFLICT DO NOTHING; "
        + posted("award", "({fund}, -5), ({wallet}, 5)")
    ),
    "booked in a savepoint of which only the entry is undone": (
        ENTRY
        + "VALUES ({posting}, {wallet}, 500) ON CONFLICT DO NOTHING; SAVEPOINT s; "
        + posted("award", "({fund}, -500), ({wallet}, 500)")
        + "; ROLLBACK TO SAVEPOINT s"
    ),
    "by a statement made of text": "DO $do$ BEGIN EXECUTE 'UPDATE points_account SET balance = 5000'; END $do$",
    "from inside a trigger of one's own": (
        "CREATE TEMP TABLE door (id int);"
        " CREATE FUNCTION pg_temp.opened() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN"
        " UPDATE public.points_account SET balance = balance + 500, seq = seq + 1 WHERE id = {wallet}; RETURN NEW; END $f$;"
        " CREATE TRIGGER opened AFTER INSERT ON door FOR EACH ROW EXECUTE FUNCTION pg_temp.opened();"
        " ALTER TABLE door ENABLE ALWAYS TRIGGER opened; INSERT INTO door VALUES (1)"
    ),
    "with a setting that some libraries obey": (
        "SET LOCAL pgtrigger.ignore = 'points_account:guard'; UPDATE points_account SET balance = 5000 WHERE id = {wallet}"
    ),
    "with a function that shadows one of the database's": (
        "CREATE SCHEMA thief; CREATE FUNCTION thief.pg_trigger_depth() RETURNS int LANGUAGE sql AS 'SELECT 2';"
        " SET LOCAL search_path = thief, pg_catalog, public;"
        " UPDATE points_account SET balance = balance + 5, seq = seq + 1 WHERE id = {wallet}"
    ),
    "couriers are emptied with all that hangs on them": "TRUNCATE couriers_courier CASCADE",
    "gifts are emptied with all that hangs on them": "TRUNCATE points_gift CASCADE",
    "the town is emptied with all that hangs on it": "TRUNCATE stations_division CASCADE",
    "which postings are sealed is changed": "UPDATE points_sealedposting SET posting_id = {reversal}",
    "which postings are sealed is forgotten": "DELETE FROM points_sealedposting",
    "two gifts in exchange": posted("move", "({stock}, -1), ({other_stock}, 1)"),
    "an order without its piece set aside": posted("order", "({wallet}, -200), ({redeemed}, 200), ({stock}, -1)"),
}


@pytest.fixture
def ids() -> dict[str, Any]:
    books: Books = keep_books()
    posting = Posting.objects.filter(kind="award").get()
    undone = award(books, 7)
    reversal = ledger.reverse(posting=undone, reason="tests", op_id=op(), actor="tests", at=NOON)
    # By hand: the sealer waits for the end of the transaction that wrote a posting, and here that is the test's.
    seal = Seal.objects.create(number=1, postings=1, digest="0" * 64, sealed_at=NOON)
    SealedPosting.objects.create(number=1, posting=posting, seal=seal)
    return {
        "wallet": books.wallet,
        "fund": books.fund,
        "other_fund": ledger.fund(books.other.code),
        "stock": ledger.stock(books.gift, books.station),
        "reserve": ledger.reserve(books.gift, books.station),
        "supplier": ledger.of_gift("supplier", books.gift),
        "other_stock": ledger.stock(
            Gift.objects.create(code="wc-cup", division=books.district, name="杯"), books.station
        ),
        "issued": ledger.of_district("issued", books.district.code),
        "opening": ledger.of_district("opening", books.district.code),
        "redeemed": ledger.of_district("redeemed", books.district.code),
        "expired": ledger._account("expired"),
        "gift": books.gift.pk,
        "station": books.station.pk,
        "other_station": make_station(division=make_subdistrict(code="420104001", district=books.other)).pk,
        "courier": books.courier.pk,
        "stranger": make_courier().pk,
        "posting": posting.pk,
        "reversed": undone.pk,
        "reversal": reversal.posting_id,
    }


def installed_triggers() -> dict[tuple[str, str], str]:
    """Table and name → when it fires; A is always."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal"
        )
        return {(table, name): enabled for table, name, enabled in cursor.fetchall()}


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Account, Posting, Entry, Seal)]


@pytest.fixture
def runtime_role() -> str:
    """The role that the program runs as; it goes with the test's transaction."""
    return create_runtime_role(name="fengchao_tests", password="of-the-tests")


@pytest.fixture(params=["as the program's role", "as the owner, in replica mode"])
def attacker(request: pytest.FixtureRequest, runtime_role: str) -> str:
    """The statement that makes of a session the attacker's."""
    if "program" in request.param:
        return f"SET LOCAL ROLE {runtime_role}"
    return "SET LOCAL session_replication_role = replica"


_ASK_NOW = ("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED")


@transaction.atomic
def attempt(*statements: str) -> None:
    """Run them, and let all deferred triggers speak as the end of the transaction would; then be oneself again."""
    with connection.cursor() as cursor:
        # First what the test itself has left to be asked at the end: a TRUNCATE would be refused for that alone.
        for statement in (*_ASK_NOW, *statements, *_ASK_NOW):
            cursor.execute(statement)
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = origin")


# … and what the owner is told. The program's role is told the same, or that it has no right to.
REFUSALS = {
    "a balance is set": "begins empty and moves by entries alone",
    "a balance and its number are set": "begins empty and moves by entries alone",
    "a wallet is given to somebody else": "begins empty and moves by entries alone",
    "a wallet is made unbounded": "begins empty and moves by entries alone",
    "a wallet begins unbounded, and pays": "holds too little",
    "a wallet becomes a fund": "begins empty and moves by entries alone",
    "an account begins full": "begins empty and moves by entries alone",
    "an account begins with a number": "begins empty and moves by entries alone",
    "a second wallet": "points_account_one_of_each",
    "a wallet of nobody": "belongs to something else",
    "expired points of somebody": "belongs to something else",
    "a fund with an owner": "belongs to something else",
    "stock of a gift of another district": "begins empty and moves by entries alone",
    "pieces of a gift for another district": "begins empty and moves by entries alone",
    "stock in a station of another district": "begins empty and moves by entries alone",
    "an account is deleted": "begins empty and moves by entries alone",
    "all accounts are deleted": "rows are only ever added",
    "an entry is changed": "rows are only ever added",
    "an entry moves to another account": "rows are only ever added",
    "an entry is deleted": "rows are only ever added",
    "entries are emptied": "rows are only ever added",
    "a posting is changed": "rows are only ever added",
    "a posting's reason is changed": "rows are only ever added",
    "a posting is deleted": "rows are only ever added",
    "postings are emptied": "rows are only ever added",
    "points from nowhere": "do not come to 0",
    "points into nowhere": "do not come to 0",
    "more arrive than leave": "do not come to 0",
    "points for pieces": "do not come to 0",
    "an amount of 0": "points_entry_amount_is_not_0_and_below_a_billion",
    "an amount beyond all measure": "points_entry_amount_is_not_0_and_below_a_billion",
    "a posting without entries": "has no entries",
    "two entries for an old posting": "has its entries already",
    "an entry for no posting": "what its kind does not move",
    "an entry for no account": "there is no account",
    "one account twice": "points_entry_once_in_a_posting",
    "an award from outside": "what its kind does not move",
    "an award backwards": "what its kind does not move",
    "an order that pays": "what its kind does not move",
    "an opening balance for a fund": "what its kind does not move",
    "a redemption that brings pieces": "what its kind does not move",
    "an unknown kind": "what its kind does not move",
    "a wallet overdrawn": "holds too little",
    "a fund overdrawn": "holds too little",
    "two districts in one posting": "belongs to two districts",
    "a reversal of nothing": "points_posting_only_a_reversal_takes_back",
    "a reversal of half": "not equal and opposite",
    "a reversal of more": "not equal and opposite",
    "a reversal that brings pieces along": "not equal and opposite",
    "a reversal of the points and not of the piece": "not equal and opposite",
    "a reversal of a reversal": "not equal and opposite",
    "a second reversal": "points_posting_reverses_id_key",
    "an award that takes back": "points_posting_only_a_reversal_takes_back",
    "booked by an entry that is dropped": "moved without an entry",
    "an entry overwritten by its conflict": "rows are only ever added",
    "a seal is changed": "rows are only ever added",
    "a seal is deleted": "rows are only ever added",
    "seals are emptied": "rows are only ever added",
    "merged": "begins empty and moves by entries alone",
    "an entry is merged over": "rows are only ever added",
    "an entry is merged away": "rows are only ever added",
    "an entry is merged in": "do not come to 0",
    "a balance is set from another table": "begins empty and moves by entries alone",
    "entries are deleted by another table": "rows are only ever added",
    "an account by its conflict": "begins empty and moves by entries alone",
    "a posting by its conflict": "rows are only ever added",
    "a posting under a number that is taken": "points_posting_pkey",
    "points from nowhere, to be asked later": "do not come to 0",
    "a posting without entries, to be asked never": "has no entries",
    "booked by an entry that is dropped, and covered by a true one": "moved without an entry",
    "booked in a savepoint of which only the entry is undone": "moved without an entry",
    "by a statement made of text": "begins empty and moves by entries alone",
    "from inside a trigger of one's own": "moved without an entry",
    "with a setting that some libraries obey": "begins empty and moves by entries alone",
    "with a function that shadows one of the database's": "begins empty and moves by entries alone",
    "couriers are emptied with all that hangs on them": "rows are only ever added",
    "gifts are emptied with all that hangs on them": "rows are only ever added",
    "the town is emptied with all that hangs on it": "rows are only ever added",
    "which postings are sealed is changed": "rows are only ever added",
    "which postings are sealed is forgotten": "rows are only ever added",
    "two gifts in exchange": "do not come to 0",
    "an order without its piece set aside": "do not come to 0",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(name: str, attacker: str, ids: dict[str, Any]) -> None:
    before = everything()
    with pytest.raises(DatabaseError, match=f"{REFUSALS[name]}|^permission denied"):
        attempt(attacker, ATTACKS[name].format(**ids))
    assert everything() == before
    counted("T05", "attacks in SQL, as the program's role and as the owner in replica mode", attacks=1, refused=1)


def test_what_is_right_is_let_through(attacker: str, ids: dict[str, Any]) -> None:
    """The control of all above: the same form of statement, with nothing wrong in it."""
    attempt(attacker, posted("award", "({fund}, -5), ({wallet}, 5)").format(**ids))
    assert Account.objects.get(pk=ids["wallet"]).balance == 1_005


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE points_entry DISABLE TRIGGER book",
        "ALTER TABLE points_account DROP CONSTRAINT points_account_balance_gte_0",
        "DROP TRIGGER weigh ON points_entry",
        "CREATE OR REPLACE FUNCTION points_book() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SET LOCAL session_replication_role = replica",
        "CREATE TABLE public.points_gift_of_mine (id int)",
        "DELETE FROM core_auditevent",
        "UPDATE core_auditevent SET actor_name = 'somebody'",
        "SET LOCAL ROLE postgres",
        "COPY points_account TO PROGRAM 'cat'",
        "ALTER TABLE points_account DISABLE TRIGGER ALL",
        "ALTER TABLE points_entry ENABLE REPLICA TRIGGER book",
        "ALTER TABLE points_account DROP COLUMN is_bounded",
        "CREATE RULE r AS ON INSERT TO points_entry DO INSTEAD NOTHING",
        "CREATE TRIGGER mine BEFORE INSERT ON points_entry FOR EACH ROW EXECUTE FUNCTION points_book()",
        "CREATE SCHEMA of_mine",
        "CREATE FUNCTION public.of_mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION points_book() SECURITY INVOKER",
        "DROP TABLE points_entry CASCADE",
        "LOCK TABLE points_entry IN ACCESS EXCLUSIVE MODE",
        "SELECT setval('points_posting_id_seq', 1)",
        "ALTER ROLE fengchao_tests SUPERUSER",
        "GRANT pg_write_all_data TO fengchao_tests",
        "ALTER ROLE fengchao_tests SET session_replication_role = replica",
        "CREATE EXTENSION dblink",
        "SELECT lo_import('/etc/hostname')",
        "SELECT pg_read_file('postmaster.pid')",
        "COPY points_account TO '/tmp/of-mine'",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('points', '9999_of_mine', now())",
        "DELETE FROM couriers_courier",
        "DELETE FROM points_gift",
    ],
)
@pytest.mark.usefixtures("ids")
def test_the_programs_role_owns_nothing(statement: str, runtime_role: str) -> None:
    # Not SET ROLE alone: from that one may go back to whoever one was.
    with pytest.raises(DatabaseError):
        attempt(f"SET LOCAL SESSION AUTHORIZATION {runtime_role}", statement)
    counted("T05", "statements that the program's role has no right to", statements=1, refused=1)


def test_what_an_entry_says_of_itself_is_not_believed(attacker: str, ids: dict[str, Any]) -> None:
    """Number, balance, transaction and moment are the referee's to say, whatever is sent with the row."""

    def claimed(kind: str, moves: str) -> Posting:
        statement = posted(kind, moves).format(**ids)
        statement = statement.replace("account_id, amount) ", "account_id, amount, seq, balance_after) ").replace(
            "m.n FROM", "m.n, 900, 900000 FROM"
        )
        statement = statement.replace("occurred_at, reverses_id)", "occurred_at, reverses_id, xid, recorded_at)")
        statement = statement.replace("now(), NULL)", "now(), NULL, 1, '2001-01-01')")
        assert statement.count("900000") == statement.count("2001") == 1
        attempt(attacker, statement)
        return Posting.objects.latest("pk")

    before = Account.objects.get(pk=ids["wallet"])
    posting = claimed("award", "({fund}, -5), ({wallet}, 5)")
    entry = Entry.objects.get(posting=posting, account_id=ids["wallet"])
    assert (entry.seq, entry.balance_after) == (before.seq + 1, before.balance + 5)
    assert posting.xid > 1
    assert posting.recorded_at.year > 2001
    allocation = claimed("allocation", "({issued}, -5), ({fund}, 5)")
    unbounded = Entry.objects.get(posting=allocation, account_id=ids["issued"])
    assert (unbounded.seq, unbounded.balance_after) == (None, None)


def test_what_is_copied_in_is_weighed_as_well(attacker: str, ids: dict[str, Any]) -> None:
    before = everything()
    rows = f"{ids['posting']}\t{ids['issued']}\t-5\n{ids['posting']}\t{ids['redeemed']}\t5\n"

    @transaction.atomic
    def copy_in() -> None:
        with connection.cursor() as cursor:
            cursor.execute(attacker)
            cursor.copy_expert("COPY points_entry (posting_id, account_id, amount) FROM STDIN", StringIO(rows))

    with pytest.raises(psycopg2.Error, match="has its entries already"):  # Django wraps no COPY
        copy_in()
    assert everything() == before
    counted("T05", "attacks in SQL, as the program's role and as the owner in replica mode", attacks=1, refused=1)


# ── What is installed is what is declared ───────────────────────────────────────────────────────────────────────────

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "core/sql/append_only.sql",
    "couriers/sql/append_only.sql",
    "partners/sql/living_keys.sql",
    "points/sql/ledger.sql",
    "points/sql/posting.sql",
    "points/sql/redemption.sql",
    "points/sql/stations.sql",
)
SQL = "\n".join((ROOT / each).read_text(encoding="utf-8") for each in FILES)
# A table whose schema is not said.
UNPLACED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE) (?:points|couriers|partners|stations|core)_")
OF_THE_LEDGER = {"points_account", "points_entry", "points_posting", "points_seal", "points_sealedposting"}


def declared_triggers() -> set[tuple[str, str]]:
    code = re.sub("^--.*$", "", SQL, flags=re.MULTILINE)
    found = re.findall(r"CREATE (?:CONSTRAINT )?TRIGGER (\w+)\s[^;]*?\sON (\w+)", code)
    return {(table, name) for name, table in found}


def test_every_declared_trigger_is_installed_and_always_fires() -> None:
    declared = declared_triggers()
    assert {table for table, _name in declared} >= OF_THE_LEDGER
    assert len([each for each in declared if each[0] in OF_THE_LEDGER]) == 15
    assert installed_triggers() == dict.fromkeys(declared, "A")


def require_declared_functions() -> None:
    """Source, rights and search path of every function are those of the files."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc, prosecdef, proconfig, prorettype = 'trigger'::regtype FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname = 'public' ORDER BY proname"
        )
        rows = cursor.fetchall()
    assert len(rows) == SQL.count("CREATE FUNCTION ")
    for name, source, is_definer, config, is_trigger in rows:
        assert f"CREATE FUNCTION {name}(" in SQL
        assert f"$${source}$$" in SQL, name
        # The referee acts as the owner; what is called acts as its caller, and looks where it was told or says where.
        assert is_definer == is_trigger or not name.startswith("points_"), name
        if config is None:
            assert not is_definer, name
            assert not UNPLACED.search(source), name
        else:
            assert config[0] == "search_path=public, pg_temp", name


def test_the_functions_are_those_of_the_files() -> None:
    require_declared_functions()
