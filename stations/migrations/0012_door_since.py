"""Since when a station has the door it has: what was found at a former one does not count for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stations", "0011_locked_outside_hours")]

    operations = [
        migrations.AddField(
            "station",
            "door_since",
            models.DateTimeField(blank=True, editable=False, null=True, verbose_name="at this door since"),
        ),
    ]
