"""The registered hours in words, kept with each station: a list of twenty shows them without reading forty more rows.

Filled by the next `stations.publishing.refresh`, at the latest the night after.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stations", "0001_initial")]

    operations = [
        migrations.AddField("station", "hours_osm", models.TextField(default="", editable=False)),
        migrations.AddField("station", "hours_zh", models.TextField(default="", editable=False)),
    ]
