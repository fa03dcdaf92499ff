"""A count and an HTTP status are not asked whether they are below 0: nothing takes away from the one, and no answer has the other."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0005_digest_of_a_request_is_an_hmac"),
    ]

    operations = [
        migrations.AlterField(
            model_name="counter",
            name="calls",
            field=models.IntegerField(verbose_name="calls"),
        ),
        migrations.AlterField(
            model_name="idempotentrequest",
            name="status",
            field=models.SmallIntegerField(verbose_name="status"),
        ),
    ]
