"""A town whose books hold a million entries: three months of awards and of gifts taken, as the ledger writes them.

The rows are made in a few statements with the referee switched off, numbers and balances calculated by window functions;
afterwards it is on guard again, and `verify_ledger` finds them clean.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from core import clock
from core.copying import copy_in
from couriers.codes import ALPHABET, LENGTH, check_symbol
from partners import clients, keys
from points import passes
from stations.models import Division

__all__ = [
    "COURIERS", "HANDED_OUT", "PRICE", "REDEEMED", "STOCK", "WALLET", "api_keys", "books_are_filled", "courier_code",
    "fill_books", "show_passes",
]  # fmt: skip

COURIERS = 20_000
# Of 18 events, 11 are awards of two entries each, and 7 are gifts handed over at once, of four entries each.
EVENTS = 20_000 * 18
PRICE, AWARDED, PIECES, ALLOCATED = 10, 100, 1_000_000, 1_000_000_000
# Numbers of accounts: those of districts (1 to 99) by what they are, then stock by place, then wallets by courier.
FUND, ISSUED, REDEEMED, HANDED_OUT, SUPPLIER, STOCK, WALLET = 0, 100, 200, 300, 400, 1_000, 1_000_000
GUARDED = ("points_account", "points_posting", "points_entry")
# More than one, since each may call a hundred times a second at most.
PARTNERS = 20


def courier_code(number: int) -> str:
    """The member code of the courier with this number, 1 to `COURIERS`."""
    body = ""
    for _place in range(LENGTH - 1):
        number, symbol = divmod(number, len(ALPHABET))
        body = ALPHABET[symbol] + body
    return body + check_symbol(body)


def books_are_filled() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM points_seal)")
        return bool(cursor.fetchone()[0])


@contextmanager
def _without_referee() -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)",
            [list(GUARDED)],
        )
        triggers = cursor.fetchall()
        for table, name in triggers:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        # This switches off foreign keys too: the rows are known to be consistent.
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")
        for table, name in triggers:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


_FILL = f"""
CREATE TEMP TABLE district ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY code) AS n, code FROM (SELECT DISTINCT left(division_id, 6) AS code FROM stations_station) d;
CREATE TEMP TABLE place ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY d.n, s.id) AS n, s.id, d.n AS district, d.code
FROM stations_station s JOIN district d ON d.code = left(s.division_id, 6);

INSERT INTO points_gift (id, code, division_id, name, name_en, is_offered, photo)
SELECT n, 'umbrella-' || code, code, '雨伞', '', true, '' FROM district;
INSERT INTO points_giftprice (gift_id, points, valid_from) SELECT n, {PRICE}, '2026-01-01' FROM district;

INSERT INTO points_account (id, kind, gift_id, division_id, courier_id, station_id, is_bounded, balance, seq)
SELECT k.first + n, k.kind, CASE WHEN k.of_gift THEN n END, code, NULL::bigint, NULL::bigint, k.kind = 'fund', 0, 0
FROM district, (VALUES ({FUND}, 'fund', false), ({ISSUED}, 'issued', false), ({REDEEMED}, 'redeemed', false),
    ({HANDED_OUT}, 'handed-out', true), ({SUPPLIER}, 'supplier', true)) k (first, kind, of_gift)
UNION ALL SELECT {STOCK} + n, 'stock', district, code, NULL, id, true, 0, 0 FROM place
UNION ALL SELECT {WALLET} + id, 'wallet', NULL, NULL, id, NULL, true, 0, 0 FROM couriers_courier;

CREATE TEMP TABLE event ON COMMIT DROP AS
SELECT n, kind, at, account, whose FROM (
    SELECT n, 'allocation' AS kind, now() - interval '100 days' AS at, n AS account, n AS whose FROM district
    UNION ALL
    SELECT 100 + n, 'receipt', now() - interval '99 days', n, district FROM place
    UNION ALL
    -- Awards run ahead of what is taken, so that no wallet is ever empty.
    SELECT 100000 + e, CASE WHEN e % 18 < 11 THEN 'award' ELSE 'redemption' END,
        now() - ({EVENTS} - e) * interval '20 seconds',
        CASE WHEN e % 18 < 11 THEN e / 18 * 11 + e % 18 ELSE e / 18 * 7 + e % 18 - 11 END,
        NULL
    FROM generate_series(0, {EVENTS - 1}) e
) x;
INSERT INTO points_posting (id, op_id, kind, actor_name, approver_name, reason, source, occurred_at, recorded_at, xid)
SELECT n, gen_random_uuid(), kind, 'bench', '', 'bench', '', at, at, pg_current_xact_id()::text::bigint FROM event;

CREATE TEMP TABLE move ON COMMIT DROP AS
SELECT e.n, m.account, m.amount FROM event e, LATERAL (VALUES ({ISSUED} + e.whose, -{ALLOCATED}), ({FUND} + e.whose, {ALLOCATED}))
    m (account, amount) WHERE e.kind = 'allocation'
UNION ALL
SELECT e.n, m.account, m.amount FROM event e, LATERAL (VALUES ({SUPPLIER} + e.whose, -{PIECES}), ({STOCK} + e.account, {PIECES}))
    m (account, amount) WHERE e.kind = 'receipt'
UNION ALL
SELECT e.n, m.account, m.amount
FROM event e JOIN district d ON d.n = 1 + (e.account % {COURIERS}) % (SELECT count(*) FROM district),
    LATERAL (VALUES ({FUND} + d.n, -{AWARDED}), ({WALLET} + 1 + e.account % {COURIERS}, {AWARDED})) m (account, amount)
WHERE e.kind = 'award'
UNION ALL
SELECT e.n, m.account, m.amount
FROM event e JOIN place p ON p.n = 1 + (e.account * 7919) % (SELECT count(*) FROM place),
    LATERAL (VALUES ({WALLET} + 1 + e.account % {COURIERS}, -{PRICE}), ({REDEEMED} + p.district, {PRICE}),
        ({STOCK} + p.n, -1), ({HANDED_OUT} + p.district, 1)) m (account, amount)
WHERE e.kind = 'redemption';
INSERT INTO points_entry (posting_id, account_id, amount, seq, balance_after)
SELECT m.n, m.account, m.amount, CASE WHEN a.is_bounded THEN row_number() OVER own END,
    CASE WHEN a.is_bounded THEN sum(m.amount) OVER own END
FROM move m JOIN points_account a ON a.id = m.account
WINDOW own AS (PARTITION BY m.account ORDER BY m.n) ORDER BY m.n, m.account;
UPDATE points_account a SET balance = x.balance, seq = x.seq
FROM (SELECT account_id, sum(amount) AS balance, count(*) AS seq FROM points_entry GROUP BY 1) x
WHERE x.account_id = a.id AND a.is_bounded;

INSERT INTO points_award (posting_id, courier_id, district_id, action, matter, points, day)
SELECT e.n, 1 + e.account % {COURIERS}, d.code, '', e.n::text, {AWARDED}, e.at::date
FROM event e JOIN district d ON d.n = 1 + (e.account % {COURIERS}) % (SELECT count(*) FROM district) WHERE e.kind = 'award';
INSERT INTO points_redemption
    (code, courier_id, gift_id, station_id, points, status, ordered_id, ended_id, ordered_at, fetch_until, ended_at)
SELECT 'Z' || lpad(e.n::text, 10, '0'), 1 + e.account % {COURIERS}, p.district, p.id, {PRICE}, 'handed-over', e.n, e.n, e.at,
    e.at, e.at
FROM event e JOIN place p ON p.n = 1 + (e.account * 7919) % (SELECT count(*) FROM place) WHERE e.kind = 'redemption';
"""  # noqa: S608 - constants


def fill_books() -> None:
    """Fill the books of a town that has stations but no couriers yet."""
    rows = [(number, courier_code(number), number) for number in range(1, COURIERS + 1)]
    with _without_referee(), connection.cursor() as cursor:
        copy_in("couriers_courier", ("id", "code", "kind", "division_id", "status", "pin_hash", "registered_at", "registered_by",
                "channel", "verified_at", "verified_by", "blocked_reason"),
                [(n, code, "express", "420106", "active", "", "2026-06-01", "bench", "import", "2026-06-01", "bench", "")
                 for n, code, _n in rows])  # fmt: skip
        copy_in("couriers_consent", ("courier_id", "purpose", "partner", "act", "notice_version", "notice_sha256", "channel",
                "occurred_at"),
                [(n, "sharing", f"bench-{n % PARTNERS}", "given", "1", "0" * 64, "page", "2026-06-01") for n, _code, _n in rows])  # fmt: skip
        cursor.execute(_FILL)
        for table in ("points_account", "points_posting", "points_gift", "couriers_courier"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def show_passes() -> None:
    """Give every courier a pass that nobody has used: his number, in six digits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM points_pass)")
        if not cursor.fetchone()[0]:
            digests = ((n, passes.digest_of(f"{n:06d}"), "2026-01-01") for n in range(1, COURIERS + 1))
            copy_in("points_pass", ("courier_id", "digest", "expires_at"), digests)
            cursor.execute("CREATE TABLE bench_pass AS SELECT courier_id, digest FROM points_pass")
        cursor.execute(
            "UPDATE points_pass p SET digest = b.digest, expires_at = now() + interval '1 hour'"
            " FROM bench_pass b WHERE b.courier_id = p.courier_id"
        )


def api_keys() -> list[str]:
    """Keys of the partner programs; the courier with number n uses the one at n modulo their number."""
    city, now = list(Division.objects.filter(level=Division.Level.CITY)), clock.now()
    texts = []
    for number in range(PARTNERS):
        facts = clients.ClientFacts(
            name="bench", contact="bench", divisions=city, scopes=["redemptions:write"], calls_per_minute=6_000
        )
        client = clients.register(code=f"bench-{number}", kind="live", facts=facts, actor="bench", at=now)
        texts.append(keys.issue(client=client, actor="bench", at=now).text)
    return texts
