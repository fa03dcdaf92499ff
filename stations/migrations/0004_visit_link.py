import core.clock
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("stations", "0003_staff_role"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="VisitLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("made_at", models.DateTimeField(default=core.clock.now, verbose_name="made at")),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
                ("used_at", models.DateTimeField(blank=True, null=True, verbose_name="used at")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="taken back at")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visit_links",
                        to="stations.station",
                        verbose_name="station",
                    ),
                ),
            ],
            options={
                "verbose_name": "link for a check at the door",
                "verbose_name_plural": "links for a check at the door",
                "ordering": ["-made_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="VisitReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "station_version",
                    models.PositiveIntegerField(verbose_name="version of the station when it was sent"),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("entered", "got in"),
                            ("locked", "locked"),
                            ("broken", "equipment broken"),
                            ("moved", "moved away"),
                        ],
                        max_length=16,
                        verbose_name="found",
                    ),
                ),
                ("latitude", models.FloatField(blank=True, null=True, verbose_name="latitude")),
                ("longitude", models.FloatField(blank=True, null=True, verbose_name="longitude")),
                (
                    "entered_crs",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("wgs84", "WGS-84 (phone, GPS, OSM)"),
                            ("gcj02", "GCJ-02 (Amap, Tencent)"),
                            ("bd09", "BD-09 (Baidu)"),
                        ],
                        max_length=8,
                        verbose_name="entered as",
                    ),
                ),
                ("accuracy_m", models.PositiveIntegerField(blank=True, null=True, verbose_name="accuracy (m)")),
                ("hours_text", models.CharField(blank=True, max_length=200, verbose_name="opening hours")),
                (
                    "amenities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32),
                        blank=True,
                        null=True,
                        size=None,
                        verbose_name="amenities",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="remark")),
                (
                    "photos",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="photos",
                    ),
                ),
                ("witness", models.CharField(editable=False, max_length=32, verbose_name="witness")),
                ("sent_at", models.DateTimeField(verbose_name="sent at")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("sent", "to be decided"),
                            ("accepted", "accepted"),
                            ("partly", "accepted in part"),
                            ("refused", "refused"),
                        ],
                        default="sent",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                ("reason", models.CharField(blank=True, max_length=120, verbose_name="reason")),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "link",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="report",
                        to="stations.visitlink",
                        verbose_name="link",
                    ),
                ),
            ],
            options={
                "verbose_name": "report from the door",
                "verbose_name_plural": "reports from the door",
                "ordering": ["-sent_at", "-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="visitlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("token_digest__regex", "^[0-9a-f]{64}$")),
                name="stations_visitlink_token_is_kept_as_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="visitlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("made_at"))),
                name="stations_visitlink_expires_after_it_is_made",
            ),
        ),
        migrations.AddConstraint(
            model_name="visitlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("used_at__isnull", True), ("revoked_at__isnull", True), _connector="OR"),
                name="stations_visitlink_used_or_taken_back",
            ),
        ),
        migrations.AddIndex(
            model_name="visitreport",
            index=models.Index(
                condition=models.Q(("state", "sent")), fields=["sent_at"], name="stations_visitreport_wait_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["entered", "locked", "broken", "moved"])),
                name="stations_visitreport_outcome_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("accuracy_m", None),
                        ("entered_crs", ""),
                        ("latitude__isnull", True),
                        ("longitude__isnull", True),
                    ),
                    models.Q(
                        ("entered_crs__in", ["wgs84", "gcj02", "bd09"]),
                        ("latitude__isnull", False),
                        ("latitude__range", (-85, 85)),
                        ("longitude__isnull", False),
                        ("longitude__range", (-180, 180)),
                    ),
                    _connector="OR",
                ),
                name="stations_visitreport_position_is_whole_and_said_in_a_datum",
            ),
        ),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("photos__len__lte", 3)), name="stations_visitreport_has_at_most_3_photos"
            ),
        ),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["sent", "accepted", "partly", "refused"])),
                name="stations_visitreport_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("state", "sent")),
                    models.Q(
                        models.Q(("state", "sent"), _negated=True),
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="stations_visitreport_decided_by_somebody_or_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "refused"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="stations_visitreport_refused_with_a_reason",
            ),
        ),
    ]
