-- The referee of the ledger. Every write to these tables, by whomever and through whatever door, has to pass this file.
--
--   account   a holder of points, or of pieces of one gift. Bounded ones (wallet, fund, stock, reserve) keep a balance that
--             is never below zero; the others are the other side of a posting, and their value is the sum of their entries.
--   posting   one event: who, why, when.
--   entry     what the event moved: a number of points or pieces on one account. A posting's entries sum to 0 in each unit.
--   seal      what has been written since the last seal, signed and chained.
--
-- The triggers' functions look only in `public`, whatever a session shadows, and act as the owner of the tables. All triggers
-- are ENABLE ALWAYS, so that `session_replication_role = replica` does not bypass them.

-- ── An entry is booked: its account's balance and number move on, and the entry says both ───────────────────────────────
-- This UPDATE is the only lock of the ledger: if two draw on one account, the second waits for the first.
CREATE FUNCTION points_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    account record;
BEGIN
    SELECT a.is_bounded INTO account FROM points_account a WHERE a.id = NEW.account_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no account %', NEW.account_id
            USING ERRCODE = 'foreign_key_violation', TABLE = 'points_entry';
    END IF;
    IF NOT account.is_bounded THEN
        NEW.balance_after := NULL;
        NEW.seq := NULL;
        RETURN NEW;
    END IF;
    UPDATE points_account a SET balance = a.balance + NEW.amount, seq = a.seq + 1
    WHERE a.id = NEW.account_id AND a.balance + NEW.amount >= 0
    RETURNING a.balance, a.seq INTO NEW.balance_after, NEW.seq;
    IF NOT FOUND THEN
        SELECT a.id, a.kind, a.balance INTO account FROM points_account a WHERE a.id = NEW.account_id;
        RAISE EXCEPTION 'account % holds too little', account.id
            USING ERRCODE = 'check_violation', TABLE = 'points_account', CONSTRAINT = 'points_account_balance_gte_0',
            DETAIL = json_build_object(
                'account', account.id, 'kind', account.kind, 'balance', account.balance, 'needed', -NEW.amount
            )::text;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER book BEFORE INSERT ON points_entry FOR EACH ROW EXECUTE FUNCTION points_book();

-- ── The entries of a statement are weighed against their postings ───────────────────────────────────────────────────
-- Whether a reversal is equal and opposite to what it takes back, which must not be a reversal itself.
CREATE FUNCTION points_is_opposite(the_posting bigint, the_original bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM points_posting o WHERE o.id = the_original AND o.kind <> 'reversal')
        AND NOT EXISTS (
            SELECT account_id, -amount FROM points_entry WHERE posting_id = the_original
            EXCEPT SELECT account_id, amount FROM points_entry WHERE posting_id = the_posting
        )
        AND NOT EXISTS (
            SELECT account_id, amount FROM points_entry WHERE posting_id = the_posting
            EXCEPT SELECT account_id, -amount FROM points_entry WHERE posting_id = the_original
        )
$$;

CREATE FUNCTION points_weigh() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wrong record;
BEGIN
    -- All that is asked of a posting is asked in one pass over what the statement wrote.
    SELECT told.posting_id, told.rule INTO wrong FROM (
        SELECT unit.posting_id, CASE
            WHEN NOT bool_and(unit.total = 0) THEN 'points_entry_posting_balances'
            -- They are all that the posting has: nothing is added to an old one.
            WHEN sum(unit.entries) <> (SELECT count(*) FROM points_entry e WHERE e.posting_id = unit.posting_id)
                THEN 'points_entry_posting_is_whole'
            -- One district: its fund pays, its stock moves, its gifts are handed out.
            WHEN min(unit.first_district) <> max(unit.last_district) THEN 'points_entry_one_district'
            WHEN NOT bool_and(unit.kind_may) THEN 'points_entry_kind_may_move_it'
            WHEN unit.kind = 'reversal' AND NOT points_is_opposite(unit.posting_id, unit.reverses_id)
                THEN 'points_entry_reversal_is_opposite'
        END AS rule
        FROM (
            SELECT f.posting_id, p.kind, p.reverses_id, sum(f.amount) AS total, count(*) AS entries,
                min(a.division_id) AS first_district, max(a.division_id) AS last_district,
                -- What kind of posting may take from (-) and give to (+) which kind of account. There are no other kinds.
                bool_and(coalesce(p.kind = 'reversal'
                    OR p.kind || CASE WHEN f.amount < 0 THEN ' -' ELSE ' +' END || a.kind = ANY (ARRAY[
                        'allocation -issued', 'allocation +fund',
                        'opening -opening', 'opening +wallet',
                        'award -fund', 'award +wallet',
                        'redemption -wallet', 'redemption +redeemed', 'redemption -stock', 'redemption +handed-out',
                        'order -wallet', 'order +redeemed', 'order -stock', 'order +reserve',
                        'handover -reserve', 'handover +handed-out',
                        'expiry -wallet', 'expiry +expired',
                        'merge -wallet', 'merge +wallet',
                        'receipt -supplier', 'receipt +stock',
                        'move -stock', 'move +stock',
                        'count -stock', 'count +stock', 'count -difference', 'count +difference',
                        'scrap -stock', 'scrap +scrapped'
                    ]), false)) AS kind_may
            FROM fresh f
            JOIN points_account a ON a.id = f.account_id
            LEFT JOIN points_posting p ON p.id = f.posting_id
            GROUP BY f.posting_id, p.kind, p.reverses_id, a.gift_id  -- in each unit: points, or one gift
        ) unit
        GROUP BY unit.posting_id, unit.kind, unit.reverses_id
    ) told
    WHERE told.rule IS NOT NULL;
    IF FOUND THEN
        RAISE EXCEPTION '%', format(
            CASE wrong.rule
                WHEN 'points_entry_posting_balances' THEN 'the entries of posting %s do not come to 0'
                WHEN 'points_entry_posting_is_whole' THEN 'posting %s has its entries already'
                WHEN 'points_entry_one_district' THEN 'posting %s moves what belongs to two districts'
                WHEN 'points_entry_kind_may_move_it' THEN 'posting %s moves what its kind does not move'
                WHEN 'points_entry_reversal_is_opposite' THEN 'posting %s is not equal and opposite to what it reverses'
            END, wrong.posting_id
        ) USING ERRCODE = 'check_violation', TABLE = 'points_entry', CONSTRAINT = wrong.rule;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER weigh AFTER INSERT ON points_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION points_weigh();

-- ── A posting says its own transaction and moment, and has entries when it is committed ───────────────────────────────
CREATE FUNCTION points_stamp() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The seal goes by the transaction; a number from the future would never be sealed.
    NEW.xid := pg_current_xact_id()::text::bigint;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER stamp BEFORE INSERT ON points_posting FOR EACH ROW EXECUTE FUNCTION points_stamp();

CREATE FUNCTION points_posting_has_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM points_entry e WHERE e.posting_id = NEW.id) THEN
        RAISE EXCEPTION 'posting % has no entries', NEW.id
            USING ERRCODE = 'check_violation', TABLE = 'points_posting', CONSTRAINT = 'points_posting_has_entries';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER has_entries AFTER INSERT ON points_posting DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION points_posting_has_entries();

-- ── An account begins empty, belongs to what its kind says, and changes only by entries ────────────────────────────────
-- Not a CHECK: since an owner never changes, it is checked only once. (A CHECK is read and planned anew by every UPDATE; this
-- one cost an eighth of a posting.)
CREATE FUNCTION points_owner_fits(kind text, courier bigint, gift bigint, district text, station bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        (courier IS NOT NULL, gift IS NOT NULL, district IS NOT NULL, station IS NOT NULL) = CASE
            WHEN kind = 'wallet' THEN ROW(true, false, false, false)
            WHEN kind IN ('fund', 'issued', 'opening', 'redeemed') THEN ROW(false, false, true, false)
            WHEN kind = 'expired' THEN ROW(false, false, false, false)
            WHEN kind IN ('stock', 'reserve') THEN ROW(false, true, true, true)
            WHEN kind IN ('supplier', 'handed-out', 'scrapped', 'difference') THEN ROW(false, true, true, false)
        END,
        false
    )
$$;

CREATE FUNCTION points_guard_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.is_bounded := NEW.kind IN ('wallet', 'fund', 'stock', 'reserve');
        IF NOT points_owner_fits(NEW.kind, NEW.courier_id, NEW.gift_id, NEW.division_id, NEW.station_id) THEN
            RAISE EXCEPTION 'an account of kind % belongs to something else', NEW.kind
                USING ERRCODE = 'check_violation', TABLE = 'points_account',
                CONSTRAINT = 'points_account_belongs_to_what_its_kind_says';
        END IF;
        IF NEW.balance = 0 AND NEW.seq = 0 AND (NEW.gift_id IS NULL OR EXISTS (
            SELECT FROM points_gift g LEFT JOIN stations_station s ON s.id = NEW.station_id
            WHERE g.id = NEW.gift_id AND g.division_id = NEW.division_id
            AND (NEW.station_id IS NULL OR left(s.division_id, 6) = NEW.division_id)
        )) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        -- Depth 2: from inside `points_book`.
        IF pg_trigger_depth() > 1 AND NEW.seq = OLD.seq + 1
            AND (NEW.id, NEW.kind, NEW.is_bounded) = (OLD.id, OLD.kind, OLD.is_bounded)
            AND (NEW.gift_id, NEW.division_id, NEW.courier_id, NEW.station_id)
                IS NOT DISTINCT FROM (OLD.gift_id, OLD.division_id, OLD.courier_id, OLD.station_id)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% of an account is refused: it begins empty and moves by entries alone', TG_OP
        USING ERRCODE = 'restrict_violation', TABLE = 'points_account';
END
$$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON points_account
    FOR EACH ROW EXECUTE FUNCTION points_guard_account();
CREATE TRIGGER guard_table BEFORE TRUNCATE ON points_account
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();

-- The entry that moved an account exists at commit. (INSERT … ON CONFLICT DO NOTHING of an entry would book, but add none.)
CREATE FUNCTION points_account_is_proved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM points_entry e
        WHERE e.account_id = NEW.id AND e.seq = NEW.seq AND e.balance_after = NEW.balance
    ) THEN
        RAISE EXCEPTION 'account % moved without an entry', NEW.id
            USING ERRCODE = 'check_violation', TABLE = 'points_account', CONSTRAINT = 'points_account_is_proved';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER is_proved AFTER UPDATE ON points_account DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION points_account_is_proved();

-- ── What is written stays ───────────────────────────────────────────────────────────────────────────────────────────
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON points_posting
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON points_posting
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON points_entry
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON points_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON points_seal
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON points_seal
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON points_sealedposting
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON points_sealedposting
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();

ALTER TABLE points_account ENABLE ALWAYS TRIGGER guard;
ALTER TABLE points_account ENABLE ALWAYS TRIGGER guard_table;
ALTER TABLE points_account ENABLE ALWAYS TRIGGER is_proved;
ALTER TABLE points_posting ENABLE ALWAYS TRIGGER stamp;
ALTER TABLE points_posting ENABLE ALWAYS TRIGGER has_entries;
ALTER TABLE points_posting ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE points_posting ENABLE ALWAYS TRIGGER append_only_table;
ALTER TABLE points_entry ENABLE ALWAYS TRIGGER book;
ALTER TABLE points_entry ENABLE ALWAYS TRIGGER weigh;
ALTER TABLE points_entry ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE points_entry ENABLE ALWAYS TRIGGER append_only_table;
ALTER TABLE points_seal ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE points_seal ENABLE ALWAYS TRIGGER append_only_table;
ALTER TABLE points_sealedposting ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE points_sealedposting ENABLE ALWAYS TRIGGER append_only_table;
