"""Two living keys at most, and a revoked key stays revoked: held by the database (partners/sql/living_keys.sql)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "living_keys.sql"


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_initial")]

    operations = [
        migrations.RunSQL(
            SQL.read_text(encoding="utf-8"),
            reverse_sql="""
                DROP TRIGGER guard_keys ON partners_apikey;
                DROP FUNCTION partners_guard_keys();
            """,
        )
    ]
