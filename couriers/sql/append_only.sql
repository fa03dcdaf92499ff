-- Consents and tombstones are only ever added (core/sql/append_only.sql has the function and says why ALWAYS).
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON couriers_consent
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON couriers_consent
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
ALTER TABLE couriers_consent ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE couriers_consent ENABLE ALWAYS TRIGGER append_only_table;

CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON couriers_erasure
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON couriers_erasure
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
ALTER TABLE couriers_erasure ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE couriers_erasure ENABLE ALWAYS TRIGGER append_only_table;
