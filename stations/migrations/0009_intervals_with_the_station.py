"""The open intervals move from three million rows of their own into the stations' rows: decision 0022."""

import stations.models.fields
from django.db import migrations, models

FILL = """
UPDATE stations_station station SET intervals = kept.intervals, open_times = kept.open_times
FROM (
    SELECT station_id,
        string_agg(
            concat_ws(' ', date_part('epoch', opens_at)::int8, date_part('epoch', closes_at)::int8, entry_mode), ' '
            ORDER BY opens_at, closes_at
        ) AS intervals,
        range_agg(tstzrange(opens_at, closes_at)) AS open_times
    FROM stations_openinterval GROUP BY station_id
) kept
WHERE kept.station_id = station.id
"""
# On the way back the rows are made anew by the worker, within a minute.
EXPAND_AGAIN = "UPDATE stations_station SET expanded_on = expanded_on - 1"


class Migration(migrations.Migration):
    dependencies = [("stations", "0008_confirmation_days")]

    operations = [
        migrations.AddField("station", "intervals", models.TextField(default="", editable=False)),
        migrations.AddField("station", "open_times", stations.models.fields.MomentsField(default="{}", editable=False)),
        migrations.RunSQL(FILL, EXPAND_AGAIN),
        migrations.DeleteModel("OpenInterval"),
    ]
