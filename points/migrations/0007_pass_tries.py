"""A pass counts how often it was shown, and the redemption asks for that (points/sql/redemption.sql)."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql" / "redemption.sql"


class Migration(migrations.Migration):
    dependencies = [("points", "0006_weigh_in_one_pass")]

    operations = [
        migrations.AddField(
            model_name="pass",
            name="tries",
            field=models.PositiveSmallIntegerField(default=0, db_default=0, verbose_name="times shown"),
        ),
        migrations.AlterField(
            model_name="posting", name="actor_name", field=models.CharField(max_length=150, verbose_name="done by")
        ),
        migrations.RunSQL(
            SQL.read_text(encoding="utf-8").replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
            migrations.RunSQL.noop,
        ),
    ]
