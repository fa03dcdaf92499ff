-- How a posting is written and its accounts are found. points/ledger.py calls these, and redemption.sql; nothing else in the
-- program writes an entry. They act as their caller; the referee (ledger.sql) decides what may be written.

-- ── The account of an owner, made when first needed; if two need it at once, one makes it ───────────────────────────────
CREATE FUNCTION points_account_of(
    the_kind text, the_gift bigint, the_division text, the_courier bigint, the_station bigint
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found_id bigint;
BEGIN
    LOOP
        -- Owner by owner in words of its own: a NULL is equal to nothing, and an index is asked for what is written out.
        IF the_courier IS NOT NULL THEN
            SELECT a.id INTO found_id FROM public.points_account a
            WHERE a.kind = the_kind AND a.gift_id IS NULL AND a.division_id IS NULL AND a.courier_id = the_courier
                AND a.station_id IS NULL;
        ELSIF the_station IS NOT NULL THEN
            SELECT a.id INTO found_id FROM public.points_account a
            WHERE a.kind = the_kind AND a.gift_id = the_gift AND a.division_id = the_division AND a.courier_id IS NULL
                AND a.station_id = the_station;
        ELSIF the_gift IS NOT NULL THEN
            SELECT a.id INTO found_id FROM public.points_account a
            WHERE a.kind = the_kind AND a.gift_id = the_gift AND a.division_id = the_division AND a.courier_id IS NULL
                AND a.station_id IS NULL;
        ELSE
            SELECT a.id INTO found_id FROM public.points_account a
            WHERE a.kind = the_kind AND a.gift_id IS NULL AND a.division_id IS NOT DISTINCT FROM the_division
                AND a.courier_id IS NULL AND a.station_id IS NULL;
        END IF;
        IF FOUND THEN
            RETURN found_id;
        END IF;
        INSERT INTO public.points_account (kind, gift_id, division_id, courier_id, station_id, balance, seq)
        VALUES (the_kind, the_gift, the_division, the_courier, the_station, 0, 0) ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

-- ── One posting with its entries, in one statement ──────────────────────────────────────────────────────────────────
-- The accounts are taken in ascending order, so that two postings do not deadlock. Nothing is returned if the same wish
-- (op_id) was told before.
CREATE FUNCTION points_post(
    the_op_id uuid, the_kind text, the_actor text, the_approver text, the_reason text, the_source text, what_it_reverses bigint,
    the_moment timestamptz, accounts bigint[], amounts bigint[]
) RETURNS TABLE (posting bigint, account bigint, balance bigint)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    WITH fresh AS (
        INSERT INTO public.points_posting
            (op_id, kind, actor_name, approver_name, reason, source, reverses_id, occurred_at)
        VALUES (the_op_id, the_kind, the_actor, the_approver, the_reason, the_source, what_it_reverses, the_moment)
        ON CONFLICT (op_id) DO NOTHING RETURNING id
    )
    INSERT INTO public.points_entry (posting_id, account_id, amount)
    SELECT fresh.id, move.account, move.amount FROM fresh, unnest(accounts, amounts) move (account, amount)
    ORDER BY move.account
    RETURNING posting_id, account_id, balance_after;
END
$$;
