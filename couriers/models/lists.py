"""Lists of couriers that staff bring in through the admin."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import clock
from couriers.models.couriers import Courier
from stations.models import Division

if TYPE_CHECKING:
    from core.models import User

__all__ = ["CourierList"]


class CourierList(models.Model):
    """One list on its way in: checked, confirmed, written.

    Its file holds names and phones, so it is kept sealed, and only until it is written or put aside, a day at most.
    Findings are kept masked, also for a day. The counts are those of the preview, and later of what was written; each batch
    updates them in its own transaction, so that each row counts once even if the writing was killed and resumed. Kept by
    couriers/importing/lists.py.
    """

    class State(models.TextChoices):
        PREVIEWED = "previewed", _("to be confirmed")
        WRITING = "writing", _("being written")
        DONE = "done", _("imported")
        DROPPED = "dropped", _("put aside")

    made_by: models.ForeignKey["User", "User"] = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("brought by"), on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(_("brought at"))
    division = models.ForeignKey(
        Division, verbose_name=_("division"), on_delete=models.PROTECT, related_name="+",
        help_text=_("only couriers of its districts are written"),
    )  # fmt: skip
    source = models.CharField(_("file"), max_length=200, help_text=_("as its clerk calls it, long numbers masked"))
    file = models.CharField(max_length=100, blank=True, editable=False)
    agreed_on_paper = models.BooleanField(_("all have signed the notice"), default=False)
    kind = models.CharField(_("kind where the list names none"), max_length=16, choices=Courier.Kind, blank=True)
    change_work = models.BooleanField(_("the list is right about brand and kind"), default=False)

    state = models.CharField(_("state"), max_length=16, choices=State)
    report: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        _("report"), default=dict, help_text=_("what was found, masked")
    )
    decisions: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        _("answers"),
        default=dict,
        help_text=_("to what was in doubt, by the subject of the doubt; none tells of a person"),
    )
    created = models.PositiveIntegerField(_("new"), default=0)
    updated = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("as before"), default=0)
    refused = models.PositiveIntegerField(_("not written"), default=0)
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("list of couriers")
        verbose_name_plural = _("lists of couriers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_state_is_known",
                condition=Q(state__in=["previewed", "writing", "done", "dropped"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_kind_is_known",
                condition=Q(kind__in=["", "express", "food-delivery"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_waits_with_its_file",
                condition=Q(state__in=["done", "dropped"]) | ~Q(file=""),
            ),
        ]
        indexes = [models.Index(name="couriers_list_division_idx", fields=["division", "-id"])]

    def __str__(self) -> str:
        return f"{self.source} {clock.to_local(self.made_at):%Y-%m-%d %H:%M}"
