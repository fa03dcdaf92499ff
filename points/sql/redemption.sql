-- A gift ordered, or handed over at once: what is checked, in which order, and what is then written. One call, which does
-- all or nothing; points/redemption.py makes it and puts a refusal into words. It acts as its caller; the referee
-- (ledger.sql) has the last word on every entry.

-- ── How many of a gift a courier has had between two moments, under all his profiles; what went back does not count ───
CREATE FUNCTION points_had_since(the_courier bigint, the_gift bigint, since timestamptz, until timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM public.points_redemption r
    WHERE r.courier_id IN (SELECT c.id FROM public.couriers_courier c WHERE c.id = the_courier OR c.merged_into_id = the_courier)
        AND r.gift_id = the_gift AND r.ordered_at >= since AND r.ordered_at < until AND r.status IN ('ordered', 'handed-over')
$$;

-- ── The redemption ──────────────────────────────────────────────────────────────────────────────────────────────────
-- Returns the code of a refusal with its numbers, and then writes nothing except that a wrong pass was shown; or the
-- redemption and its posting, which are older (is_new false) if the same wish was told before.
CREATE FUNCTION points_redeem(
    the_courier bigint, the_gift bigint, the_station bigint,
    points_shown integer,        -- the price that he was shown
    at_once boolean,             -- handed over at the counter, else set aside
    pass_digest text,            -- of the pass that he shows; NULL if none is needed
    the_op_id uuid, the_code text, the_actor_id bigint, the_actor text, the_approver text, the_reason text,
    the_moment timestamptz, the_day date, month_began timestamptz, month_ended timestamptz, fetch_until timestamptz,
    event_kind text, event_data jsonb,
    -- The answer to a program, kept with what it reports (core/idempotency.py); NULLs if nobody will ask again.
    kept_client text, kept_key text, kept_digest text, kept_status integer, kept_body bytea,
    -- The line of a paper form if it is entered from one later, and when (points/late.py); otherwise the empty text and NULLs.
    the_form_no text, the_form_line integer, entered_at timestamptz
) RETURNS TABLE (refusal text, numbers jsonb, redemption bigint, posting bigint, is_new boolean)
-- Its plans are made once per connection: making them anew for each courier cost a tenth of the call.
LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '2s' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    courier_status text;
    asked record;
    violated text;
    told text;
BEGIN
    is_new := false;
    -- His row is the lock: what he has had, his pass and his status stay as they are until the end.
    SELECT c.status INTO courier_status FROM couriers_courier c WHERE c.id = the_courier FOR NO KEY UPDATE;
    SELECT r.id, r.ordered_id INTO redemption, posting
    FROM points_redemption r JOIN points_posting p ON p.id = r.ordered_id WHERE p.op_id = the_op_id;
    IF FOUND THEN
        IF NOT EXISTS (
            SELECT FROM points_redemption r WHERE r.id = redemption
                AND (r.courier_id, r.gift_id, r.station_id, r.points, r.form_no) = (the_courier, the_gift, the_station, points_shown, the_form_no)
                AND r.form_line IS NOT DISTINCT FROM the_form_line
        ) THEN
            refusal := 'operation_reused';
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT g.division_id, g.is_offered, g.most_a_month, p.points AS price, s.status, s.code, left(s.division_id, 6) AS district
    INTO asked
    FROM points_gift g
    JOIN stations_station s ON s.id = the_station
    LEFT JOIN points_giftprice p
        ON p.gift_id = g.id AND p.valid_from <= the_day AND (p.valid_through IS NULL OR p.valid_through >= the_day)
    WHERE g.id = the_gift;
    refusal := CASE
        WHEN pass_digest IS NOT NULL AND NOT EXISTS (
            SELECT FROM points_pass p
            WHERE p.courier_id = the_courier AND p.digest = pass_digest AND p.expires_at > the_moment AND p.tries < 20
        ) THEN 'pass_wrong'
        WHEN courier_status = 'erased' THEN 'courier_erased'
        WHEN courier_status = 'blocked' THEN 'courier_blocked'
        WHEN at_once AND courier_status <> 'active' THEN 'courier_not_met'
        -- What was handed over stays so, though the gift or the station was withdrawn since; a day's price says that it was offered.
        WHEN the_form_no = '' AND asked.status <> 'published' THEN 'station_not_open'
        WHEN asked.district <> asked.division_id THEN 'gift_of_another_district'
        WHEN the_form_no = '' AND NOT asked.is_offered OR asked.price IS NULL THEN 'gift_not_offered'
        WHEN asked.price <> points_shown THEN 'price_changed'
        WHEN asked.most_a_month IS NOT NULL
            AND points_had_since(the_courier, the_gift, month_began, month_ended) >= asked.most_a_month THEN 'limit_reached'
    END;
    IF refusal = 'pass_wrong' THEN
        -- The one thing that a refusal leaves: whoever guesses has twenty tries.
        UPDATE points_pass p SET tries = p.tries + 1 WHERE p.courier_id = the_courier AND p.digest IS NOT NULL;
    END IF;
    IF refusal IS NOT NULL THEN
        numbers := jsonb_build_object('price', asked.price, 'limit', asked.most_a_month);
        RETURN NEXT;
        RETURN;
    END IF;

    BEGIN
        SELECT max(posted.posting) INTO posting FROM points_post(
            the_op_id, CASE WHEN at_once THEN 'redemption' ELSE 'order' END, the_actor, the_approver, the_reason,
            CASE WHEN the_form_no = '' THEN '' ELSE the_form_no || '/' || the_form_line END, NULL, the_moment,
            ARRAY[
                points_account_of('wallet', NULL, NULL, the_courier, NULL),
                points_account_of('redeemed', NULL, asked.division_id, NULL, NULL),
                points_account_of('stock', the_gift, asked.division_id, NULL, the_station),
                CASE
                    WHEN at_once THEN points_account_of('handed-out', the_gift, asked.division_id, NULL, NULL)
                    ELSE points_account_of('reserve', the_gift, asked.division_id, NULL, the_station)
                END
            ],
            ARRAY[-asked.price, asked.price, -1, 1]
        ) posted;
    EXCEPTION WHEN check_violation THEN
        -- Back to before the posting: only the lock on the courier is left.
        GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME, told = PG_EXCEPTION_DETAIL;
        IF violated <> 'points_account_balance_gte_0' THEN
            RAISE;
        END IF;
        refusal := 'too_little';
        numbers := told;
        RETURN NEXT;
        RETURN;
    END;
    IF posting IS NULL THEN
        refusal := 'operation_reused';
        RETURN NEXT;
        RETURN;
    END IF;

    UPDATE points_pass p SET digest = NULL WHERE p.courier_id = the_courier AND p.digest = pass_digest;
    INSERT INTO points_redemption
        (code, courier_id, gift_id, station_id, points, status, ordered_id, ended_id, ordered_at, fetch_until, ended_at,
        form_no, form_line)
    VALUES (
        the_code, the_courier, the_gift, the_station, asked.price, CASE WHEN at_once THEN 'handed-over' ELSE 'ordered' END,
        posting, CASE WHEN at_once THEN posting END, the_moment, fetch_until, CASE WHEN at_once THEN the_moment END,
        the_form_no, the_form_line
    ) RETURNING id INTO redemption;
    INSERT INTO core_auditevent (kind, subject_type, subject_code, actor_id, actor_name, data, occurred_at)
    VALUES (event_kind, 'station', asked.code, the_actor_id, the_actor, event_data, coalesce(entered_at, the_moment));
    IF kept_key IS NOT NULL THEN
        -- Of two under one key the second fails here, with all of the above.
        INSERT INTO core_idempotentrequest (client, key, request_digest, status, body, made_at)
        VALUES (kept_client, kept_key, kept_digest, kept_status, kept_body, the_moment);
    END IF;
    is_new := true;
    RETURN NEXT;
END
$$;
