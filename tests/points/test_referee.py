"""Attacks in SQL on the ledger, as the role the program runs as and as the owner of the tables: all are refused."""

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from config.roles import create_runtime_role
from points import ledger
from points.models import Account, Entry, Posting, Seal, SealedPosting
from tests.builders import NOON, make_courier
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
    "a wallet becomes a fund": "UPDATE points_account SET kind = 'fund', courier_id = NULL, division_id = '420104' WHERE id = {wallet}",
    "an account begins full": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {stranger}, 500, 0)",
    "an account begins with a number": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {stranger}, 0, 7)",
    "a second wallet": "INSERT INTO points_account (kind, courier_id, balance, seq) VALUES ('wallet', {courier}, 0, 0)",
    "a wallet of nobody": "INSERT INTO points_account (kind, balance, seq) VALUES ('wallet', 0, 0)",
    "a fund with an owner": "INSERT INTO points_account (kind, division_id, courier_id, balance, seq) VALUES ('fund', '420104', {courier}, 0, 0)",
    "stock of a gift of another district": (
        "INSERT INTO points_account (kind, gift_id, division_id, station_id, balance, seq)"
        " VALUES ('stock', {gift}, '420104', {station}, 0, 0)"
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
    "an unknown kind": posted("present", "({fund}, -5), ({wallet}, 5)"),
    "a wallet overdrawn": posted("expiry", "({wallet}, -100000), ({expired}, 100000)"),
    "a fund overdrawn": posted("award", "({fund}, -10000000), ({wallet}, 10000000)"),
    "two districts in one posting": posted("allocation", "({issued}, -5), ({other_fund}, 5)"),
    "a reversal of nothing": posted("reversal", "({wallet}, -5), ({fund}, 5)"),
    "a reversal of half": posted("reversal", "({wallet}, -5), ({fund}, 5)", reverses="{posting}"),
    "a reversal of more": posted("reversal", "({wallet}, -1000), ({fund}, 999), ({issued}, 1)", reverses="{posting}"),
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
        "issued": ledger.of_district("issued", books.district.code),
        "opening": ledger.of_district("opening", books.district.code),
        "redeemed": ledger.of_district("redeemed", books.district.code),
        "expired": ledger._account("expired"),
        "gift": books.gift.pk,
        "station": books.station.pk,
        "courier": books.courier.pk,
        "stranger": make_courier().pk,
        "posting": posting.pk,
        "reversed": undone.pk,
        "reversal": reversal.posting_id,
    }


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
    "a wallet is made unbounded": "can only be updated to DEFAULT",
    "a wallet becomes a fund": "begins empty and moves by entries alone",
    "an account begins full": "begins empty and moves by entries alone",
    "an account begins with a number": "begins empty and moves by entries alone",
    "a second wallet": "points_account_one_of_each",
    "a wallet of nobody": "points_account_belongs_to_what_its_kind_says",
    "a fund with an owner": "points_account_belongs_to_what_its_kind_says",
    "stock of a gift of another district": "begins empty and moves by entries alone",
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
    "an unknown kind": "points_posting_kind_is_known",
    "a wallet overdrawn": "holds too little",
    "a fund overdrawn": "holds too little",
    "two districts in one posting": "belongs to two districts",
    "a reversal of nothing": "points_posting_only_a_reversal_takes_back",
    "a reversal of half": "not equal and opposite",
    "a reversal of more": "not equal and opposite",
    "a reversal of a reversal": "not equal and opposite",
    "a second reversal": "points_posting_reverses_id_key",
    "an award that takes back": "points_posting_only_a_reversal_takes_back",
    "booked by an entry that is dropped": "moved without an entry",
    "an entry overwritten by its conflict": "rows are only ever added",
    "a seal is changed": "rows are only ever added",
    "a seal is deleted": "rows are only ever added",
    "seals are emptied": "rows are only ever added",
    "merged": "begins empty and moves by entries alone",
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
    ],
)
@pytest.mark.usefixtures("ids")
def test_the_programs_role_owns_nothing(statement: str, runtime_role: str) -> None:
    # Not SET ROLE alone: from that one may go back to whoever one was.
    with pytest.raises(DatabaseError):
        attempt(f"SET LOCAL SESSION AUTHORIZATION {runtime_role}", statement)


def test_a_table_that_shadows_the_real_one_is_not_looked_at(runtime_role: str, ids: dict[str, Any]) -> None:
    theft = posted("expiry", "({wallet}, -100000), ({expired}, 100000)").format(**ids)
    with pytest.raises(DatabaseError, match="holds too little"):
        attempt(
            f"SET LOCAL ROLE {runtime_role}",
            "CREATE TEMP TABLE points_account AS SELECT * FROM public.points_account",
            "UPDATE pg_temp.points_account SET balance = 1000000",
            theft.replace("points_posting", "public.points_posting").replace("points_entry", "public.points_entry"),
        )


# ── What is installed is what is declared ───────────────────────────────────────────────────────────────────────────

SQL = Path(__file__).resolve().parents[2] / "points" / "sql" / "ledger.sql"
TRIGGERS = {
    ("points_account", "guard"),
    ("points_account", "guard_table"),
    ("points_account", "is_proved"),
    ("points_posting", "stamp"),
    ("points_posting", "has_entries"),
    ("points_entry", "book"),
    ("points_entry", "weigh"),
    *(
        (table, name)
        for table in ("points_posting", "points_entry", "points_seal", "points_sealedposting")
        for name in ("append_only_rows", "append_only_table")
    ),
}


def test_every_declared_trigger_is_installed_and_always_fires() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'points\\_%'"
        )
        found = {(table, name): enabled for table, name, enabled in cursor.fetchall()}
    assert set(found) == TRIGGERS
    assert set(found.values()) == {"A"}


def test_the_functions_are_those_of_the_file() -> None:
    text = SQL.read_text(encoding="utf-8")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc, prosecdef, proconfig FROM pg_proc"
            " WHERE proname LIKE 'points\\_%' AND prorettype = 'trigger'::regtype ORDER BY proname"
        )
        rows = cursor.fetchall()
    assert len(rows) == text.count("CREATE FUNCTION points_")
    for name, source, is_definer, config in rows:
        assert f"CREATE FUNCTION {name}()" in text
        assert f"$${source}$$" in text, name
        assert is_definer, name
        assert config == ["search_path=public, pg_temp"], name
