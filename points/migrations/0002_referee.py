"""The referee of the ledger: points/sql/ledger.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "ledger.sql"


class Migration(migrations.Migration):
    dependencies = [("points", "0001_initial"), ("core", "0002_append_only")]

    operations = [
        # No way back: what has been posted is not to be left without its referee.
        migrations.RunSQL(SQL.read_text(encoding="utf-8"))
    ]
