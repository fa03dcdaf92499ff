-- A station cannot be moved to another district while it holds gifts of its present one: nobody could count, order or move
-- them there. It may be moved back to where its gifts belong. Checked only when the district changes, which is seldom.
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
