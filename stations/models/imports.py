"""Lists that staff bring in through the admin."""

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core import clock
from stations.models.divisions import Division

if TYPE_CHECKING:
    from core.models import User

__all__ = ["ImportJob"]


class ImportJobQuerySet(models.QuerySet["ImportJob"]):
    def waiting(self) -> Self:
        """Keep those that the worker has something to do for."""
        return self.filter(state__in=ImportJob.FOR_WORKER)


class ImportJob(models.Model):
    """One list on its way in: the file, what it would do, what somebody answered, and what became of it.

    A short list is checked and written while its clerk waits; a long one by the worker, which claims the row through
    `claimed_until` and renews that with each batch, so that the next worker takes over from one that dies. The counts are
    those of the current run: what the preview would do, and later what has been written. Kept by
    stations/importing/jobs.py.
    """

    class State(models.TextChoices):
        READING = "reading", _("being looked through")
        PREVIEWED = "previewed", _("to be confirmed")
        WRITING = "writing", _("being written")
        DONE = "done", _("imported")
        FAILED = "failed", _("cannot be taken")
        DROPPED = "dropped", _("put aside")

    FOR_WORKER = (State.READING, State.WRITING)

    made_by: models.ForeignKey["User", "User"] = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("brought by"), on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(_("brought at"))
    division = models.ForeignKey(
        Division, verbose_name=_("division"), on_delete=models.PROTECT, related_name="+",
        help_text=_("only stations inside it are written"),
    )  # fmt: skip
    source = models.CharField(_("file"), max_length=200, help_text=_("as its clerk calls it"))
    file = models.CharField(max_length=100, blank=True, editable=False)
    language = models.CharField(max_length=10, editable=False)

    state = models.CharField(_("state"), max_length=16, choices=State)
    revision = models.PositiveIntegerField(_("revision"), default=0, help_text=_("counts the previews"))
    decisions: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        _("answers"), default=dict, help_text=_("by the subject of the doubt; empty: left out for now")
    )
    report: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        _("report"), default=dict, help_text=_("what was found, and what the first rows change")
    )
    digests: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, help_text=_("of what the preview would do, batch by batch")
    )

    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    created = models.PositiveIntegerField(_("new"), default=0)
    updated = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("as before"), default=0)
    refused = models.PositiveIntegerField(_("not written"), default=0)

    claimed_until = models.DateTimeField(_("held by a worker until"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("times begun"), default=0)
    acting: models.ForeignKey["User", "User"] = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("last seen to by"), on_delete=models.PROTECT, related_name="+"
    )
    runs = ArrayField(
        models.DateTimeField(), verbose_name=_("confirmed at"), default=list, blank=True,
        help_text=_("also the moment at which the stations of that run were registered"),
    )  # fmt: skip
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    changed_at = models.DateTimeField(_("changed at"))
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    objects = ImportJobQuerySet.as_manager()

    class Meta:
        verbose_name = _("import of a list")
        verbose_name_plural = _("imports of lists")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_state_is_known",
                condition=Q(state__in=["reading", "previewed", "writing", "done", "failed", "dropped"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_counts_add_up",
                condition=Q(rows_done=F("created") + F("updated") + F("unchanged") + F("refused"))
                & Q(rows_done__lte=F("rows_total")),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_whole_when_previewed_or_done",
                condition=~Q(state__in=["previewed", "done"]) | Q(rows_done=F("rows_total")),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_held_only_while_the_worker_has_it",
                condition=Q(claimed_until__isnull=True) | Q(state__in=["reading", "writing"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_written_only_when_confirmed",
                condition=~Q(state__in=["writing", "done"]) | Q(runs__len__gt=0),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_finished_or_with_its_file",
                condition=Q(state__in=["done", "failed", "dropped"], finished_at__isnull=False)
                | Q(state__in=["reading", "previewed", "writing"], finished_at__isnull=True) & ~Q(file=""),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_failed_with_a_reason",
                condition=~Q(state="failed") | ~Q(reason=""),
            ),
        ]
        indexes = [
            models.Index(
                name="stations_importjob_work_idx", fields=["id"], condition=Q(state__in=["reading", "writing"])
            ),
            models.Index(name="stations_importjob_div_idx", fields=["division", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.source} {clock.to_local(self.made_at):%Y-%m-%d %H:%M}"

    @property
    def is_for_worker(self) -> bool:
        return self.state in self.FOR_WORKER
