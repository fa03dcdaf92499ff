"""How a posting is written (points/sql/posting.sql), and a redemption in one call (points/sql/redemption.sql)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("points", "0004_gift_photo_proposal_mark_wanted"), ("couriers", "0004_merged")]

    operations = [
        migrations.RunSQL(
            (SQL / "posting.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION points_post(uuid, text, text, text, text, text, bigint, timestamptz, bigint[], bigint[]);"
            "DROP FUNCTION points_account_of(text, bigint, text, bigint, bigint)",
        ),
        migrations.RunSQL(
            (SQL / "redemption.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION points_redeem; DROP FUNCTION points_had_since",
        ),
    ]
