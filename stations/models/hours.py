"""When a station is open, as an office says it: periods, spans, exceptions, day types.

What that means for the next days is worked out by stations/hours.py and kept in `Station.intervals`.
"""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import dated
from stations.hours import HOLIDAY, OnHolidays, Period, Span

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from stations.models.stations import Station

__all__ = ["DayType", "EntryMode", "HoursException", "HoursPeriod", "HoursSpan"]


class EntryMode(models.TextChoices):
    """How one gets through the door during a span."""

    STAFFED = "staffed", _("staff at the door")
    SCAN = "scan", _("scan a code")
    CARD = "card", _("union or staff card")
    CODE = "code", _("door code")


ENTRY_MODES = ["staffed", "scan", "card", "code"]


class DayType(models.Model):
    """What kind of day a date is in China, where weekends are swapped for workdays around holidays (调休).

    Filled by `manage.py fill_day_types` from the package chinesecalendar or by the State Council's notice, edited by staff.
    After the last row the answer follows the weekday and says so.
    """

    class Kind(models.TextChoices):
        WORKDAY = "workday", _("workday")
        REST_DAY = "rest-day", _("weekend")
        HOLIDAY = "holiday", _("public holiday or day off for it")
        SWAPPED_WORKDAY = "swapped-workday", _("weekend that is worked")

    date = models.DateField(_("date"), primary_key=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    name = models.CharField(_("name"), max_length=30, blank=True)
    source = models.CharField(_("source"), max_length=80)

    class Meta:
        verbose_name = _("day type")
        verbose_name_plural = _("day types")
        ordering = ["date"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_kind_is_known",
                condition=models.Q(kind__in=["workday", "rest-day", "holiday", "swapped-workday"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.get_kind_display()}"


class HoursPeriod(models.Model):
    """A stretch of the calendar with its own weekly hours: the usual ones (no dates), or a season such as summer 纳凉.

    On any date the dated period that covers it overrides a yearly one, which overrides the usual hours.
    """

    class OnHolidays(models.TextChoices):
        AS_SUNDAY = "as-sunday", _("as on Sundays")
        AS_USUAL = "as-usual", _("as on that weekday")
        OWN_HOURS = "own-hours", _("own hours (the spans marked holiday; none: closed)")

    station: models.ForeignKey["Station", "Station"] = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="hours_periods"
    )
    name = models.CharField(
        _("name"), max_length=30, blank=True, help_text=_("such as 夏季纳凉; empty for the usual hours")
    )
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_through = models.DateField(_("valid through"), null=True, blank=True)
    repeats_yearly = models.BooleanField(
        _("repeats every year"), default=False, help_text=_("only month and day of the two dates count")
    )
    on_holidays = models.CharField(
        _("on public holidays"), max_length=16, choices=OnHolidays, default=OnHolidays.AS_SUNDAY
    )

    if TYPE_CHECKING:
        spans: RelatedManager["HoursSpan"]

    class Meta:
        verbose_name = _("hours period")
        verbose_name_plural = _("hours periods")
        ordering = ["station", models.F("valid_from").asc(nulls_first=True), "id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_on_holidays_is_known",
                condition=models.Q(on_holidays__in=["as-sunday", "as-usual", "own-hours"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_starts_before_it_ends",
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_through__isnull=True)
                | models.Q(repeats_yearly=True)  # a winter season runs over the new year
                | models.Q(valid_through__gte=models.F("valid_from")),
                violation_error_message=_("The last day lies before the first."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_yearly_has_both_dates",
                condition=models.Q(repeats_yearly=False)
                | models.Q(valid_from__isnull=False, valid_through__isnull=False),
                violation_error_message=_("A period that repeats every year needs its first and its last day."),
            ),
            dated.one_on_a_day(
                name="%(app_label)s_%(class)s_no_two_on_one_date",
                of="station",
                condition=models.Q(repeats_yearly=False)
                & (models.Q(valid_from__isnull=False) | models.Q(valid_through__isnull=False)),
                message=_("Two periods of this station overlap. Shorten one of them."),
            ),
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_one_usual",
                fields=["station"],
                condition=models.Q(valid_from__isnull=True, valid_through__isnull=True),
                violation_error_message=_("This station has its usual hours already. Give the other period its dates."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(_("usual hours"))

    @property
    def as_period(self) -> Period:
        """The same as stations/hours.py calculates with. One query for the spans, none when they are prefetched."""
        return Period(
            spans=tuple(
                Span(days=frozenset(span.days), opens=span.opens, closes=span.closes, entry_mode=span.entry_mode)
                for span in self.spans.all()
            ),
            valid_from=self.valid_from,
            valid_through=self.valid_through,
            repeats_yearly=self.repeats_yearly,
            on_holidays=OnHolidays(self.on_holidays),
            name=self.name,
        )


class HoursSpan(models.Model):
    """Opening from `opens` to `closes` on some weekdays. `closes` at or before `opens` means the next day; equal means 24 h."""

    period = models.ForeignKey(HoursPeriod, verbose_name=_("period"), on_delete=models.CASCADE, related_name="spans")
    days = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("days"),
        help_text=_("1 to 7 for Monday to Sunday, 8 for public holidays"),
    )
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(
        _("closes"), help_text=_("not after opening: it closes on the next day; the same: open 24 hours")
    )
    entry_mode = models.CharField(_("entry"), max_length=16, choices=EntryMode, default=EntryMode.STAFFED)

    class Meta:
        verbose_name = _("hours span")
        verbose_name_plural = _("hours spans")
        ordering = ["period", "opens", "id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_days_are_1_to_8",
                condition=models.Q(days__contained_by=list(range(1, HOLIDAY + 1))) & models.Q(days__len__gt=0),
                violation_error_message=_("Choose at least one day."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_entry_mode_is_known", condition=models.Q(entry_mode__in=ENTRY_MODES)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


class HoursException(models.Model):
    """Hours on certain dates that differ from the period: closed (no times), or open in just this span.

    Several rows on one date are several spans of that day.
    """

    station: models.ForeignKey["Station", "Station"] = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="hours_exceptions"
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    opens = models.TimeField(_("opens"), null=True, blank=True, help_text=_("leave both empty: closed all day"))
    closes = models.TimeField(_("closes"), null=True, blank=True)
    entry_mode = models.CharField(_("entry"), max_length=16, choices=EntryMode, default=EntryMode.STAFFED)
    reason = models.CharField(
        _("reason"), max_length=60, blank=True, help_text=_("shown to couriers, such as 春节放假")
    )

    class Meta:
        verbose_name = _("exception to the hours")
        verbose_name_plural = _("exceptions to the hours")
        ordering = ["starts_on", models.F("opens").asc(nulls_first=True), "id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_starts_before_it_ends",
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message=_("The last day lies before the first."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_both_times_or_none",
                condition=models.Q(opens__isnull=True, closes__isnull=True)
                | models.Q(opens__isnull=False, closes__isnull=False),
                violation_error_message=_("Give both times, or neither for a closed day."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_entry_mode_is_known", condition=models.Q(entry_mode__in=ENTRY_MODES)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_on:%Y-%m-%d} {self.reason}".strip()
