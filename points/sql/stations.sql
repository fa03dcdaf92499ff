-- A station is entered in no other district while something of its own lies there: counted, ordered or moved it could be by
-- nobody. It may come back to where its things are. Asked where the district changes, which is seldom.
CREATE FUNCTION points_station_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM points_account a
        WHERE a.station_id = NEW.id AND a.balance <> 0 AND a.division_id <> left(NEW.division_id, 6)
    ) THEN
        RAISE EXCEPTION 'station % holds gifts of another district', NEW.code
            USING ERRCODE = 'check_violation', TABLE = 'stations_station', CONSTRAINT = 'stations_station_stays_with_its_gifts';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER stays_with_its_gifts BEFORE UPDATE OF division_id ON stations_station FOR EACH ROW
    WHEN (left(NEW.division_id, 6) <> left(OLD.division_id, 6)) EXECUTE FUNCTION points_station_stays();
ALTER TABLE stations_station ENABLE ALWAYS TRIGGER stays_with_its_gifts;
