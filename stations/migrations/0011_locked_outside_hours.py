"""That a door was found locked is kept with whether it was outside the station's hours; nobody can say it of what is there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stations", "0010_listed_amenities")]

    operations = [
        migrations.AddField(
            "confirmation",
            "is_outside_hours",
            models.BooleanField(db_default=False, default=False, editable=False, verbose_name="outside its hours"),
        ),
        migrations.AddConstraint(
            "confirmation",
            models.CheckConstraint(
                name="stations_confirmation_locked_outside_hours",
                condition=models.Q(is_outside_hours=False) | models.Q(outcome="locked", channel__in=["door", "remote"]),
            ),
        ),
    ]
