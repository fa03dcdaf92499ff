-- Rows that are only ever added. Attached to a table by
--   CREATE TRIGGER append_only_rows  BEFORE UPDATE OR DELETE ON t FOR EACH ROW       EXECUTE FUNCTION core_refuse_change();
--   CREATE TRIGGER append_only_table BEFORE TRUNCATE         ON t FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
-- and made ENABLE ALWAYS, so that session_replication_role = replica does not pass it by.
CREATE FUNCTION core_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows are only ever added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
END
$$;

CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON core_auditevent
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON core_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
ALTER TABLE core_auditevent ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE core_auditevent ENABLE ALWAYS TRIGGER append_only_table;
