"""The audit trail is only ever added to: the database refuses UPDATE, DELETE and TRUNCATE (core/sql/append_only.sql)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "append_only.sql"


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL(
            SQL.read_text(encoding="utf-8"),
            reverse_sql="""
                DROP TRIGGER append_only_rows ON core_auditevent;
                DROP TRIGGER append_only_table ON core_auditevent;
                DROP FUNCTION core_refuse_change();
            """,
        )
    ]
