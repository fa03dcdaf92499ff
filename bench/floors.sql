-- The least that a posting and a redemption could cost, for a copy of the benchmark's own books: nothing is asked, so what is
-- left is what PostgreSQL and the way to it take anyway.

-- The same five rows and two balances, with foreign keys and CHECKs, but without any rule of points/sql/ledger.sql.
ALTER TABLE points_posting DISABLE TRIGGER USER;
ALTER TABLE points_entry DISABLE TRIGGER USER;
ALTER TABLE points_account DISABLE TRIGGER USER;
DROP FUNCTION points_post;
CREATE FUNCTION points_post(
    the_op_id uuid, the_kind text, the_actor text, the_approver text, the_reason text, the_source text, what_it_reverses bigint,
    the_moment timestamptz, accounts bigint[], amounts bigint[]
) RETURNS TABLE (posting bigint, account bigint, balance bigint)
LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
    points record;
    pieces record;
BEGIN
    INSERT INTO points_posting (
        op_id, kind, actor_name, approver_name, reason, source, reverses_id, occurred_at, recorded_at, xid
    ) VALUES (
        the_op_id, the_kind, the_actor, the_approver, the_reason, the_source, what_it_reverses, the_moment, the_moment, 0
    ) RETURNING id INTO made;
    UPDATE points_account a SET balance = a.balance + amounts[1], seq = a.seq + 1 WHERE a.id = accounts[1]
    RETURNING a.balance, a.seq INTO points;
    UPDATE points_account a SET balance = a.balance + amounts[3], seq = a.seq + 1 WHERE a.id = accounts[3]
    RETURNING a.balance, a.seq INTO pieces;
    RETURN QUERY INSERT INTO points_entry (posting_id, account_id, amount, balance_after, seq) VALUES
        (made, accounts[1], amounts[1], points.balance, points.seq), (made, accounts[2], amounts[2], NULL, NULL),
        (made, accounts[3], amounts[3], pieces.balance, pieces.seq), (made, accounts[4], amounts[4], NULL, NULL)
    RETURNING posting_id, account_id, balance_after;
END
$$;

-- A redemption that says yes to everything and writes nothing.
DROP FUNCTION points_redeem;  -- so that no other form of it is measured instead
CREATE FUNCTION points_redeem(
    the_courier bigint, the_gift bigint, the_station bigint, points_shown integer, at_once boolean, pass_digest text,
    the_op_id uuid, the_code text, the_actor_id bigint, the_actor text, the_approver text, the_reason text,
    the_moment timestamptz, the_day date, month_began timestamptz, month_ended timestamptz, fetch_until timestamptz,
    event_kind text, event_data jsonb, kept_client text, kept_key text, kept_digest text, kept_status integer, kept_body bytea,
    the_form_no text, the_form_line integer, entered_at timestamptz
) RETURNS TABLE (refusal text, numbers jsonb, redemption bigint, posting bigint, is_new boolean)
LANGUAGE sql AS $$ SELECT NULL::text, NULL::jsonb, 1::bigint, 1::bigint, true $$;
