"""What points are given for, how many, and within which limits: rows with a validity, so that the past can still be
explained.
"""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import dated
from couriers.models import Courier
from points.models.ledger import Posting
from stations.models import Division

__all__ = ["Award", "AwardLimit", "EarningRule"]


class EarningRule(models.Model):
    """How many points a courier gets for an action, and how often a day at most. An action has one rule on any day."""

    class Action(models.TextChoices):
        REPORT_APPROVED = "report-approved", _("a report 随手拍 was accepted")
        ACTIVITY_ATTENDED = "activity-attended", _("took part in an activity")
        VOLUNTEER = "volunteer", _("helped 用心做")

    action = models.CharField(_("for"), max_length=24, choices=Action)
    points = models.PositiveIntegerField(_("points"))
    most_a_day = models.PositiveSmallIntegerField(_("at most so often a day"))
    valid_from = models.DateField(_("valid from"))
    valid_through = models.DateField(
        _("valid through"), null=True, blank=True, help_text=_("empty: until further notice")
    )

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        ordering = ["action", "-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_action_is_known",
                condition=models.Q(action__in=["report-approved", "activity-attended", "volunteer"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_points_1_to_100000",
                condition=models.Q(points__range=(1, 100_000)),
                violation_error_message=_("A rule gives 1 to 100,000 points."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_at_least_once_a_day", condition=models.Q(most_a_day__gte=1)
            ),
            dated.starts_before_it_ends(),
            dated.one_on_a_day(
                of=dated.number_of("action"),
                message=_("On some day two rules would hold for this. End the earlier one first."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.points}"


class AwardLimit(models.Model):
    """How many points a member of staff may give by hand: at once alone, at once with a second person, and in a day."""

    most_alone = models.PositiveIntegerField(_("at once without a second person"))
    most_a_day = models.PositiveIntegerField(_("a day for each member of staff"))
    valid_from = models.DateField(_("valid from"), unique=True)

    class Meta:
        verbose_name = _("limit of awards by hand")
        verbose_name_plural = _("limits of awards by hand")
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_alone_no_more_than_a_day",
                condition=models.Q(most_alone__lte=models.F("most_a_day")),
                violation_error_message=_("Alone one gives no more than in a day."),
            )
        ]

    def __str__(self) -> str:
        return gettext("alone at most {alone} points at once, {a_day} a day").format(
            alone=self.most_alone, a_day=self.most_a_day
        )


class Award(models.Model):
    """Points that a courier got: for what, by which rule, from whose fund. Without a rule it was given by hand.

    `matter` is the code of what it was given for; one matter earns only once, ever. Awards by hand have no action either.
    """

    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, primary_key=True, related_name="award")
    courier = models.ForeignKey(Courier, verbose_name=_("courier"), on_delete=models.PROTECT, related_name="awards")
    district = models.ForeignKey(Division, verbose_name=_("paid by"), on_delete=models.PROTECT, related_name="awards")
    rule = models.ForeignKey(
        EarningRule, verbose_name=_("rule"), on_delete=models.PROTECT, null=True, blank=True, related_name="awards"
    )
    action = models.CharField(_("for"), max_length=24, choices=EarningRule.Action, blank=True)
    matter = models.CharField(_("matter"), max_length=64)
    points = models.PositiveIntegerField(_("points"))
    day = models.DateField(_("day"))

    class Meta:
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        ordering = ["-posting_id"]  # of "-posting" Django makes the order of postings turned round, oldest first
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_a_matter_earns_once",
                fields=["action", "matter"],
                violation_error_message=_("This has earned its points already."),
            ),
            models.CheckConstraint(name="%(app_label)s_%(class)s_has_a_matter", condition=~models.Q(matter="")),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_a_rule_is_for_an_action",
                condition=models.Q(rule__isnull=True, action="") | models.Q(rule__isnull=False) & ~models.Q(action=""),
            ),
        ]
        indexes = [models.Index(name="points_award_of_a_day_idx", fields=["courier", "day"])]

    def __str__(self) -> str:
        return gettext("award {number}: {points} points").format(number=self.posting_id, points=self.points)
