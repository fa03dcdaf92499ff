-- A client has at most two living keys, and a revoked key stays revoked, whoever writes.
-- Living means: not revoked, and not expired when the new key is issued. The client's row is locked first, so that two
-- keys issued at once are counted one after the other.
CREATE FUNCTION partners_guard_keys() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        RAISE EXCEPTION 'a revoked key stays revoked'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'partners_apikey_revoked_for_good';
    END IF;
    IF NEW.revoked_at IS NULL THEN
        PERFORM 1 FROM partners_client WHERE id = NEW.client_id FOR NO KEY UPDATE;
        IF (SELECT count(*) FROM partners_apikey
             WHERE client_id = NEW.client_id AND id <> NEW.id AND revoked_at IS NULL AND expires_at > NEW.made_at) >= 2
        THEN
            RAISE EXCEPTION 'a client has at most two living keys'
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'partners_apikey_two_living_at_most';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_keys BEFORE INSERT OR UPDATE OF client_id, made_at, expires_at, revoked_at ON partners_apikey
    FOR EACH ROW EXECUTE FUNCTION partners_guard_keys();
ALTER TABLE partners_apikey ENABLE ALWAYS TRIGGER guard_keys;
