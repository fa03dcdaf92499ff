"""The codes of a station's amenities, kept in its row: lists read them without taking its tags apart."""

from django.db import migrations, models

FILL = """
UPDATE stations_station station SET listed_amenities = has.codes
FROM (
    SELECT station_id, string_agg(amenity_id, ' ' ORDER BY amenity_id) AS codes FROM stations_stationamenity GROUP BY 1
) has
WHERE has.station_id = station.id
"""


class Migration(migrations.Migration):
    dependencies = [("stations", "0009_intervals_with_the_station")]

    operations = [
        migrations.AddField("station", "listed_amenities", models.TextField(default="", editable=False)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
