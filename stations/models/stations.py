"""The rest station itself."""

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import clock
from stations import intervals
from stations.geo import Point
from stations.hours import OpenState
from stations.models.amenities import Amenity, StationAmenity
from stations.models.divisions import Division, Zone
from stations.models.fields import MercatorPoint, MomentsField, PointField
from stations.querysets import StationQuerySet

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from stations.models.hours import HoursException, HoursPeriod
    from stations.models.proof import Confirmation, StationUse

__all__ = ["Station", "StationOrganisation", "new_door_token"]


def new_door_token() -> str:
    """The unguessable part of the address in a door's QR: 12 symbols, 72 bits."""
    return secrets.token_urlsafe(9)


class Station(models.Model):
    """A rest station for couriers: a room with a door, a tier, hours and things to use.

    Code and name are printed on its door. The position is WGS-84; `entered_crs` keeps the datum it was given in. What is
    not known is NULL, never guessed. Columns under "search" are derived by stations/publishing.py from everything else.
    """

    class Tier(models.IntegerChoices):
        ONE = 1, _("tier 1")
        TWO = 2, _("tier 2")
        THREE = 3, _("tier 3")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        SUSPENDED = "suspended", _("suspended")
        CLOSED = "closed", _("closed for good")

    class Crs(models.TextChoices):
        WGS84 = "wgs84", _("WGS-84 (phone, GPS, OSM)")
        GCJ02 = "gcj02", _("GCJ-02 (Amap, Tencent)")
        BD09 = "bd09", _("BD-09 (Baidu)")

    code = models.SlugField(
        _("code"), max_length=16, unique=True, help_text=_("printed on the door, such as WH-QK-0001")
    )
    name = models.CharField(_("name"), max_length=80)
    aliases = ArrayField(
        models.CharField(max_length=80), verbose_name=_("other names"), default=list, blank=True,
        help_text=_("former names and other wordings, separated by commas; couriers find the station by them too"),
    )  # fmt: skip
    tier = models.PositiveSmallIntegerField(_("tier"), choices=Tier, null=True, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.DRAFT)
    status_reason = models.CharField(
        _("reason"), max_length=120, blank=True, help_text=_("why it is suspended or closed")
    )
    is_made_up = models.BooleanField(
        _("made up for the demo"),
        default=False,
        help_text=_("its name begins with [演示], so that no one takes it for the truth"),
    )

    division = models.ForeignKey(
        Division, verbose_name=_("division"), on_delete=models.PROTECT, related_name="stations"
    )
    zone = models.ForeignKey(
        Zone,
        verbose_name=_("functional zone"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stations",
    )
    address = models.CharField(_("address"), max_length=200, blank=True)
    floor = models.CharField(_("floor"), max_length=20, blank=True)
    directions = models.CharField(_("how to find it"), max_length=300, blank=True)
    latitude = models.FloatField(_("latitude"), null=True, blank=True)
    longitude = models.FloatField(_("longitude"), null=True, blank=True)
    entered_crs = models.CharField(_("entered as"), max_length=8, choices=Crs, blank=True)

    area_m2 = models.DecimalField(_("area (m²)"), max_digits=7, decimal_places=1, null=True, blank=True)
    seats = models.PositiveSmallIntegerField(_("seats"), null=True, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True, help_text=_("an office number, shown to everybody"))
    opened_on = models.DateField(_("opened on"), null=True, blank=True)
    photo = models.ImageField(_("photo"), upload_to="stations/", blank=True)
    amenities = models.ManyToManyField(
        Amenity, verbose_name=_("amenities"), through=StationAmenity, related_name="stations", blank=True
    )
    amenities_text = models.CharField(
        _("amenities in other words"), max_length=300, blank=True, help_text=_("what no amenity of the list says")
    )
    hours_text = models.CharField(
        _("hours as given"), max_length=200, blank=True, help_text=_("hours in words that could not be read as times")
    )

    confirmed_at = models.DateTimeField(_("last proved open"), null=True, blank=True, editable=False)
    doubted_at = models.DateTimeField(_("doubted since"), null=True, blank=True, editable=False)
    # Empty if it never moved. What was found before belongs to the former door.
    door_since = models.DateTimeField(_("at this door since"), null=True, blank=True, editable=False)
    door_token = models.CharField(_("door token"), max_length=16, unique=True, default=new_door_token, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), default=clock.now, editable=False)
    updated_at = models.DateTimeField(_("changed at"), default=clock.now, editable=False, db_index=True)

    # search: derived, written by stations/publishing.py alone
    expanded_until = models.DateTimeField(
        _("hours known until"), null=True, editable=False, help_text=_("empty: hours are not registered")
    )
    expanded_on = models.DateField(_("hours expanded on"), null=True, editable=False)
    intervals = models.TextField(editable=False, default="")  # what they come to until then: see stations/intervals.py
    open_times = MomentsField(editable=False, default="{}")
    pos = models.GeneratedField(
        expression=MercatorPoint("latitude", "longitude"),
        output_field=PointField(null=True),
        db_persist=True,
        null=True,
    )
    tags = SearchVectorField(editable=False, null=True)
    listed_amenities = models.TextField(editable=False, default="")  # with blanks between, in no order: lists show them
    hours_osm = models.TextField(editable=False, default="")  # the registered hours in words: lists show them
    hours_zh = models.TextField(editable=False, default="")
    search_text = models.TextField(editable=False, default="")
    grams = ArrayField(models.CharField(max_length=8), editable=False, default=list)

    objects = StationQuerySet.as_manager()

    if TYPE_CHECKING:
        station_amenities: RelatedManager[StationAmenity]
        organisations: RelatedManager["StationOrganisation"]
        hours_periods: RelatedManager[HoursPeriod]
        hours_exceptions: RelatedManager[HoursException]
        confirmations: RelatedManager[Confirmation]
        uses: RelatedManager[StationUse]

    class Meta:
        verbose_name = _("rest station")
        verbose_name_plural = _("rest stations")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_tier_is_1_to_3",
                condition=models.Q(tier__isnull=True) | models.Q(tier__range=(1, 3)),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_status_is_known",
                condition=models.Q(status__in=["draft", "published", "suspended", "closed"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_position_is_whole_and_said_in_a_datum",
                condition=models.Q(latitude__isnull=True, longitude__isnull=True, entered_crs="")
                | models.Q(
                    # A constraint of its own, because a CHECK that evaluates to NULL passes.
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-85, 85),
                    longitude__range=(-180, 180),
                    entered_crs__in=["wgs84", "gcj02", "bd09"],
                ),
                violation_error_message=_("A position needs latitude, longitude and the datum they are given in."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_area_gt_0",
                condition=models.Q(area_m2__isnull=True) | models.Q(area_m2__gt=0),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_made_up_says_so",
                condition=models.Q(is_made_up=False) | models.Q(name__startswith="[演示]"),
                violation_error_message=_("A made-up station's name begins with [演示]."),
            ),
        ]
        indexes = [
            # The nearest first, with amenities, tier and hours in the same index: flat at any number of stations.
            GistIndex(
                name="stations_station_nearest_idx",
                fields=["pos", "tags"],
                opclasses=["point_ops", "tsvector_ops(siglen=32)"],
                condition=models.Q(status="published"),
            ),
            GinIndex(name="stations_station_grams_idx", fields=["grams"], fastupdate=False),
            models.Index(
                name="stations_station_published_idx",
                fields=["division", "code"],
                condition=models.Q(status="published"),
            ),
            models.Index(name="stations_station_expanded_idx", fields=["expanded_on"]),
            # An office's work lists are few rows among many.
            *(
                models.Index(name=f"stations_station_{name}_idx", fields=["code"], condition=condition)
                for name, condition in {
                    "doubted": models.Q(doubted_at__isnull=False),
                    "hidden": models.Q(status__in=["draft", "suspended", "closed"]),
                    "no_hours": models.Q(expanded_until__isnull=True),
                    "no_pos": models.Q(latitude__isnull=True),
                    "no_tier": models.Q(tier__isnull=True),
                }.items()
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("stations:station-detail", args=[self.code])

    @property
    def photo_url(self) -> str:
        """The address of the photo, another one for each photo; empty without one."""
        if not self.photo.name:
            return ""
        version = self.photo.name.rsplit("/", 1)[-1].partition(".")[0]
        return f"{reverse('stations:station-photo', args=[self.code])}?v={version}"

    @property
    def district_code(self) -> str:
        """The six-digit code of the district the station lies in."""
        return str(self.division_id)[:6]

    def open_state(self, at: datetime) -> OpenState:
        """What a courier wants to know about the door at this moment."""
        return intervals.state(
            self.intervals, at, expanded_until=self.expanded_until, doubted=self.doubted_at is not None
        )

    def attended(self, at: datetime) -> OpenState:
        """Whether somebody is there, until when, or from when; a door may open by a code alone."""
        return intervals.attended(
            self.intervals, at, expanded_until=self.expanded_until, doubted=self.doubted_at is not None
        )

    @property
    def has_position(self) -> bool:
        return self.latitude is not None

    @property
    def position(self) -> Point | None:
        """Where the door is (WGS-84), if that is known."""
        if self.latitude is None or self.longitude is None:
            return None
        return Point(self.latitude, self.longitude)


class StationOrganisation(models.Model):
    """Who stands behind a station, and with what: several owners per station is the rule."""

    class Role(models.TextChoices):
        PREMISES = "premises", _("gives the room")
        SUPPLIES = "supplies", _("gives supplies")
        MANAGEMENT = "management", _("runs it")

    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.CASCADE, related_name="organisations"
    )
    role = models.CharField(_("role"), max_length=16, choices=Role)
    name = models.CharField(_("organisation"), max_length=80)

    class Meta:
        verbose_name = _("organisation behind a station")
        verbose_name_plural = _("organisations behind a station")
        ordering = ["role", "name"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_role_is_known",
                condition=models.Q(role__in=["premises", "supplies", "management"]),
            ),
            models.UniqueConstraint(name="%(app_label)s_%(class)s_uniq", fields=["station", "role", "name"]),
        ]

    def __str__(self) -> str:
        return self.name
