"""Lists of awards and of receipts begin with the newest: ordered by the posting's own key, not by how postings are ordered."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("points", "0015_expiry_rule_of_our_time")]

    operations = [
        migrations.AlterModelOptions(
            name="award",
            options={"ordering": ["-posting_id"], "verbose_name": "award", "verbose_name_plural": "awards"},
        ),
        migrations.AlterModelOptions(
            name="receipt",
            options={
                "ordering": ["-posting_id"],
                "verbose_name": "receipt of gifts",
                "verbose_name_plural": "receipts of gifts",
            },
        ),
    ]
