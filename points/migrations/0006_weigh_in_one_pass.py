"""`points_weigh` (points/sql/ledger.sql) asks all in one pass; and an index that another one contains goes."""

import re
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = (Path(__file__).resolve().parent.parent / "sql" / "ledger.sql").read_text(encoding="utf-8")
[WEIGH] = re.findall(r"^CREATE (FUNCTION points_weigh\(\).*?^\$\$;)", SQL, re.MULTILINE | re.DOTALL)


class Migration(migrations.Migration):
    dependencies = [("points", "0005_posting_and_redemption_as_calls")]

    operations = [
        migrations.RunSQL(f"CREATE OR REPLACE {WEIGH}", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="entry",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="points.account",
                verbose_name="account",
            ),
        ),
    ]
