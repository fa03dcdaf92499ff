"""What the maps were told, and indexes for what an office works off."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("stations", "0005_position_is_whole"),
    ]

    operations = [
        migrations.CreateModel(
            name="MapListing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "map",
                    models.CharField(
                        choices=[("amap", "Amap"), ("baidu", "Baidu Maps")], max_length=16, verbose_name="map"
                    ),
                ),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("sent", models.JSONField(verbose_name="sent")),
                ("sent_at", models.DateTimeField(verbose_name="sent at")),
            ],
            options={
                "verbose_name": "entry in a map",
                "verbose_name_plural": "entries in maps",
                "ordering": ["station", "map"],
            },
        ),
        migrations.AddIndex(
            model_name="station",
            index=models.Index(
                condition=models.Q(("doubted_at__isnull", False)), fields=["code"], name="stations_station_doubted_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="station",
            index=models.Index(
                condition=models.Q(("status__in", ["draft", "suspended", "closed"])),
                fields=["code"],
                name="stations_station_hidden_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="station",
            index=models.Index(
                condition=models.Q(("expanded_until__isnull", True)),
                fields=["code"],
                name="stations_station_no_hours_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="station",
            index=models.Index(
                condition=models.Q(("latitude__isnull", True)), fields=["code"], name="stations_station_no_pos_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="station",
            index=models.Index(
                condition=models.Q(("tier__isnull", True)), fields=["code"], name="stations_station_no_tier_idx"
            ),
        ),
        migrations.AddField(
            model_name="maplisting",
            name="station",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="map_listings",
                to="stations.station",
                verbose_name="station",
            ),
        ),
        migrations.AddConstraint(
            model_name="maplisting",
            constraint=models.UniqueConstraint(fields=("station", "map"), name="stations_maplisting_uniq"),
        ),
        migrations.AddConstraint(
            model_name="maplisting",
            constraint=models.CheckConstraint(
                condition=models.Q(("map__in", ["amap", "baidu"])), name="stations_maplisting_map_is_known"
            ),
        ),
    ]
