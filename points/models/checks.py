"""Checks of the books: that one was requested, and what it found."""

from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from stations.models import Division

__all__ = ["LedgerCheck"]


class LedgerCheck(models.Model):
    """One check of the whole ledger, or of what touches one district (points/verifying.py), first requested, then done.

    `found` has, for each broken invariant, how often it is broken and what is said about the first cases
    (points/violation.py): {"I2": [3, [["…%s…", 17]]]}.
    """

    division = models.ForeignKey(
        Division,
        verbose_name=_("district"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="ledger_checks",
        help_text=_("empty: the books of the whole city"),
    )
    asked_by = models.CharField(_("asked for by"), max_length=150)
    asked_at = models.DateTimeField(_("asked at"))
    started_at = models.DateTimeField(_("begun at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("times begun"), default=0)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    postings = models.BigIntegerField(_("postings"), null=True, blank=True)
    entries = models.BigIntegerField(_("entries"), null=True, blank=True)
    seal_number = models.BigIntegerField(_("newest seal"), null=True, blank=True)
    seal_digest = models.CharField(_("digest of the newest seal"), max_length=64, blank=True)
    found: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("found"), default=dict, blank=True)
    problem = models.CharField(
        _("problem"), max_length=300, blank=True, help_text=_("why it could not be brought to an end")
    )

    class Meta:
        verbose_name = _("check of the books")
        verbose_name_plural = _("checks of the books")
        ordering = ["-id"]
        constraints = [
            # Whoever requests one while another is waiting gets that one.
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_one_at_a_time",
                fields=["division"],
                condition=models.Q(finished_at__isnull=True),
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(name="points_ledgercheck_newest_idx", fields=["division", "-id"])]

    def __str__(self) -> str:
        return gettext("check of the books {number}").format(number=self.pk)

    @property
    def is_clean(self) -> bool:
        return self.finished_at is not None and not self.problem and not self.found
