"""Consents and tombstones are only ever added: the database refuses all else (couriers/sql/append_only.sql)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "append_only.sql"


class Migration(migrations.Migration):
    dependencies = [("couriers", "0001_initial"), ("core", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            SQL.read_text(encoding="utf-8"),
            reverse_sql="""
                DROP TRIGGER append_only_rows ON couriers_consent;
                DROP TRIGGER append_only_table ON couriers_consent;
                DROP TRIGGER append_only_rows ON couriers_erasure;
                DROP TRIGGER append_only_table ON couriers_erasure;
            """,
        )
    ]
