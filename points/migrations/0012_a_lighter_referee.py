"""The referee asks the same for less: what PostgreSQL would read and plan anew at every UPDATE is asked where it can change."""

import re
from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
FUNCTIONS = [
    f"CREATE OR REPLACE {function}"
    for name in ("ledger.sql", "posting.sql", "redemption.sql")
    for function in re.findall(
        r"^CREATE (FUNCTION .*?^\$\$;)", (SQL / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
]


class Migration(migrations.Migration):
    dependencies = [("points", "0011_ledger_check")]

    operations = [
        # No way back, as in 0002.
        migrations.RunSQL("\n".join(FUNCTIONS)),
        # In the order in which a posting takes its tables, so that neither waits for the other.
        migrations.RemoveConstraint(model_name="posting", name="points_posting_kind_is_known"),
        migrations.RemoveConstraint(model_name="entry", name="points_entry_balance_after_gte_0"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE points_account ALTER COLUMN is_bounded DROP EXPRESSION,"
                    " ALTER COLUMN is_bounded SET NOT NULL"
                )
            ],
            state_operations=[
                migrations.RemoveField(model_name="account", name="is_bounded"),
                migrations.AddField(
                    model_name="account", name="is_bounded", field=models.BooleanField(default=False, editable=False)
                ),
            ],
        ),
        migrations.RemoveConstraint(model_name="account", name="points_account_belongs_to_what_its_kind_says"),
    ]
