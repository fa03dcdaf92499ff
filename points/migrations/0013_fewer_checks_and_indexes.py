"""A redemption writes three indexes less, and its rows are asked less: what another constraint says, or nobody looks for."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("couriers", "0006_devices"),
        ("points", "0012_a_lighter_referee"),
        ("stations", "0009_intervals_with_the_station"),
    ]

    operations = [
        migrations.AlterField(
            model_name="pass",
            name="digest",
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
        migrations.AlterField(
            model_name="pass",
            name="tries",
            field=models.SmallIntegerField(db_default=0, default=0, verbose_name="times shown"),
        ),
        migrations.AlterField(
            model_name="redemption",
            name="code",
            field=models.CharField(max_length=11, verbose_name="code"),
        ),
        migrations.AlterField(
            model_name="redemption",
            name="courier",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="redemptions",
                to="couriers.courier",
                verbose_name="courier",
            ),
        ),
        migrations.AlterField(
            model_name="redemption",
            name="form_line",
            field=models.SmallIntegerField(blank=True, null=True, verbose_name="line of the form"),
        ),
        migrations.AlterField(
            model_name="redemption",
            name="points",
            field=models.IntegerField(verbose_name="points"),
        ),
        migrations.AddConstraint(
            model_name="pass",
            constraint=models.UniqueConstraint(fields=("digest",), name="points_pass_digest_uniq"),
        ),
        migrations.AddConstraint(
            model_name="redemption",
            constraint=models.UniqueConstraint(fields=("code",), name="points_redemption_code_uniq"),
        ),
    ]
