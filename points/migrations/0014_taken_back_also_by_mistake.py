"""A redemption that was taken back need not have been disputed; the word for it says so. The database is as before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("points", "0013_fewer_checks_and_indexes")]

    operations = [
        migrations.AlterField(
            model_name="redemption",
            name="status",
            field=models.CharField(
                choices=[
                    ("ordered", "ordered"),
                    ("handed-over", "handed over"),
                    ("cancelled", "cancelled"),
                    ("expired", "not fetched in time"),
                    ("returned", "taken back, points returned"),
                ],
                max_length=12,
                verbose_name="status",
            ),
        ),
    ]
