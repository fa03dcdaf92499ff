"""The tables that every app needs and none owns: who acts, what was done, what staff must be told, how often somebody
called.
"""

import re
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["AuditEvent", "Counter", "IdempotentRequest", "Notice", "User"]


# Names that sign in the books and the trail but are not accounts: the program itself, couriers, users of a link, commands,
# partners.
PROGRAMS_OWN = (
    r"^(self|courier|visitor|worker|partner .*|load_(amenities|divisions|gifts)|fill_day_types|import_(stations|couriers)"
    r"|rotate_courier_keys|seed_demo|demo_(accounts|couriers|partner|points))$"
)


class User(AbstractUser):
    """A person of the city, a district or a station who signs in to the admin. Couriers are not users.

    The books and the trail know him by `username`, so it is never one of the program's own names, and no page changes it.
    """

    username = models.CharField(
        _("username"),
        max_length=150,
        unique=True,
        validators=[
            UnicodeUsernameValidator(),
            RegexValidator(
                PROGRAMS_OWN, _("The program itself signs with this name. Take another."), inverse_match=True,
                flags=re.IGNORECASE,
            ),
        ],
        error_messages={"unique": _("There is an account of this name already.")},
        help_text=_(
            "Only letters, digits and @ . + - _. The books and the trail know the person by this name, so it cannot be changed."
        ),
    )  # fmt: skip

    class Meta:
        verbose_name = _("staff account")
        verbose_name_plural = _("staff accounts")
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_name_is_not_the_programs",
                condition=~models.Q(username__iregex=PROGRAMS_OWN),
            )
        ]


class AuditEvent(models.Model):
    """One thing that was done, by whom, to what, in words that stay true when the subject is gone.

    Written by `core.audit.record` inside the transaction of the change. The database refuses UPDATE, DELETE and
    TRUNCATE for every role (core/sql/append_only.sql), so no door of the program can rewrite history.
    `data` names personal fields but never holds their values.
    """

    kind = models.CharField(_("kind"), max_length=64, help_text=_("noun.verb, such as station.published"))
    subject_type = models.CharField(_("subject type"), max_length=64)
    subject_code = models.CharField(_("subject"), max_length=64)
    actor = models.ForeignKey(
        User, verbose_name=_("actor"), on_delete=models.PROTECT, null=True, blank=True, related_name="audit_events"
    )
    actor_name = models.CharField(_("actor name"), max_length=150, help_text=_("a user name, or the command that ran"))
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("data"), default=dict)
    occurred_at = models.DateTimeField(_("occurred at"))

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-id"]
        indexes = [
            models.Index(name="core_auditevent_subject_idx", fields=["subject_type", "subject_code", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_code}"


class Notice(models.Model):
    """Something that staff are told outside the program: written in the same transaction as the change, sent afterwards.

    At most one per `matter` and Wuhan day, which the database guards. Written and sent by core/notices.py.
    """

    matter = models.CharField(
        _("matter"), max_length=80, help_text=_("what it is about, such as station.doubted WH-WC-0001")
    )
    day = models.DateField(_("day"))
    text = models.TextField(_("text"))
    path = models.CharField(_("page"), max_length=200, blank=True, help_text=_("where to see to it"))
    recipients = ArrayField(models.CharField(max_length=150), verbose_name=_("recipients"), default=list)
    created_at = models.DateTimeField(_("written at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_attempt_at = models.DateTimeField(
        _("next try"), null=True, blank=True, help_text=_("empty: sent, or given up")
    )
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_once_a_day", fields=["matter", "day"]),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_sent_is_done",
                condition=models.Q(sent_at__isnull=True) | models.Q(next_attempt_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="core_notice_due_idx",
                fields=["next_attempt_at"],
                condition=models.Q(next_attempt_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.matter


class Counter(models.Model):
    """How often something was called under a key within one window of time. Written by core/limits.py in one statement."""

    name = models.CharField(_("limit"), max_length=40)
    key = models.CharField(_("key"), max_length=80)
    window_number = models.BigIntegerField(_("window"))
    calls = models.IntegerField(_("calls"))
    expires_at = models.DateTimeField(_("expires at"), db_index=True)

    class Meta:
        verbose_name = _("counter")
        verbose_name_plural = _("counters")
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_uniq", fields=["name", "key", "window_number"])
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key}: {self.calls}"


class IdempotentRequest(models.Model):
    """A write that was done once under the key of its sender, and the answer that a repetition gets.

    Written by core/idempotency.py in the transaction of what the request did; kept for 30 days. `client` is a partner's
    code; it is NULL where nobody is known, and the constraint counts those as one.
    """

    client = models.CharField(_("client"), max_length=32, null=True)  # noqa: DJ001 - no client is not a client named ""
    key = models.CharField(_("key"), max_length=100)
    request_digest = models.CharField(_("request"), max_length=64, help_text=_("HMAC of method, address and body"))
    status = models.SmallIntegerField(_("status"))
    body = models.BinaryField(_("answer"))
    made_at = models.DateTimeField(_("made at"), db_index=True)

    class Meta:
        verbose_name = _("answered request")
        verbose_name_plural = _("answered requests")
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_client_key_uniq", fields=["client", "key"], nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.client} {self.key}: {self.status}"
