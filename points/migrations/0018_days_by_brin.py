"""What happened in some months is found without reading all that ever did, and so is what was handed over today."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("points", "0017_station_stays_with_its_gifts")]

    operations = [
        migrations.AddIndex(
            model_name="posting",
            index=BrinIndex(
                name="points_posting_days_idx", fields=["occurred_at"], pages_per_range=32, autosummarize=True
            ),
        ),
        migrations.AddIndex(
            model_name="redemption",
            index=BrinIndex(
                name="points_redemption_days_idx", fields=["ended_at"], pages_per_range=32, autosummarize=True
            ),
        ),
    ]
