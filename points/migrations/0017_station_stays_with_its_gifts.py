"""A station whose cabinet holds gifts of its district is entered in no other (points/sql/stations.sql)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("points", "0016_newest_award_first"),
        ("stations", "0009_intervals_with_the_station"),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "stations.sql").read_text(encoding="utf-8"),
            "DROP TRIGGER stays_with_its_gifts ON stations_station; DROP FUNCTION points_station_stays()",
        ),
    ]
