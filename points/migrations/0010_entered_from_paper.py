"""A gift that was written on paper while there was no net says which line of which form (points/late.py)."""

from pathlib import Path

from django.db import migrations, models

SQL = (Path(__file__).resolve().parent.parent / "sql" / "redemption.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("points", "0009_returned_redemptions")]

    operations = [
        migrations.AddField(
            model_name="redemption",
            name="form_no",
            field=models.CharField(blank=True, db_default="", default="", max_length=32, verbose_name="paper form"),
        ),
        migrations.AddField(
            model_name="redemption",
            name="form_line",
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="line of the form"),
        ),
        migrations.AddConstraint(
            model_name="redemption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("form_line__isnull", True), ("form_no", "")),
                    models.Q(
                        ("form_line__gte", 1),
                        ("form_line__isnull", False),
                        models.Q(("form_no", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="points_redemption_a_form_has_lines",
            ),
        ),
        migrations.AddConstraint(
            model_name="redemption",
            constraint=models.UniqueConstraint(
                condition=models.Q(("form_no", ""), _negated=True),
                fields=("form_no", "form_line"),
                name="points_redemption_a_line_is_entered_once",
            ),
        ),
        # With other parameters they are other functions: the old ones go, where they were.
        migrations.RunSQL(
            "DROP FUNCTION IF EXISTS points_redeem; DROP FUNCTION IF EXISTS points_had_since;" + SQL,
            migrations.RunSQL.noop,
        ),
    ]
