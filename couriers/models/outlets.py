"""Where couriers work: the brands, their outlets 网点, and what the party does there."""

from typing import TYPE_CHECKING

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateRangeField, RangeOperators
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from couriers.credit_codes import SHAPE, validate_credit_code
from couriers.querysets import OutletQuerySet, PartyOrganisationQuerySet
from stations.access import DISTRICT_DIGITS
from stations.models import Division

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from couriers.models.couriers import Courier

__all__ = ["Company", "Instructor", "Outlet", "PartyOrganisation"]

# The code of a district; deeper divisions have longer ones.


class Company(models.Model):
    """A brand that couriers work for, such as 顺丰. The list is open; the city keeps it, since all districts share it."""

    name = models.CharField(_("name"), max_length=40, unique=True, help_text=_("as people say it, such as 顺丰"))
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    credit_code = models.CharField(
        _("unified social credit code"),
        max_length=18,
        blank=True,
        validators=[validate_credit_code],
        help_text=_("18 symbols, as on the business licence"),
    )

    if TYPE_CHECKING:
        outlets: RelatedManager["Outlet"]

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_credit_code_has_its_shape",
                condition=models.Q(credit_code="") | models.Q(credit_code__regex=SHAPE),
                violation_error_message=_(
                    "A unified social credit code has 18 symbols: digits and capitals without I, O, S, V and Z."
                ),
            ),
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_credit_code_uniq",
                fields=["credit_code"],
                condition=~models.Q(credit_code=""),
                violation_error_message=_("Another brand has this unified social credit code."),
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if self.name_en and get_language() == "en" else self.name


class Outlet(models.Model):
    """An outlet 网点 of a brand: the yard or shop from which its couriers ride.

    It is in a subdistrict or a neighbourhood, or, if that is not known, just in a district. Party members are a number,
    never a list of people. What is not known is NULL, never guessed.
    """

    company = models.ForeignKey(Company, verbose_name=_("brand"), on_delete=models.PROTECT, related_name="outlets")
    name = models.CharField(_("name"), max_length=80)
    division = models.ForeignKey(
        Division,
        verbose_name=_("division"),
        on_delete=models.PROTECT,
        related_name="outlets",
        help_text=_("a subdistrict or a neighbourhood; the district alone where that is not known"),
    )
    address = models.CharField(_("address"), max_length=200, blank=True)
    headcount = models.PositiveIntegerField(_("people"), null=True, blank=True, help_text=_("couriers and others"))
    is_headcount_approximate = models.BooleanField(
        _("about so many"), default=False, help_text=_("not counted one by one")
    )
    party_members = models.PositiveSmallIntegerField(
        _("party members"), null=True, blank=True, help_text=_("only the number; names are not kept")
    )
    last_visited_on = models.DateField(_("last visited on"), null=True, blank=True)
    is_made_up = models.BooleanField(
        _("made up for the demo"),
        default=False,
        help_text=_("its name begins with [演示], so that no one takes it for the truth"),
    )

    objects = OutletQuerySet.as_manager()

    if TYPE_CHECKING:
        organisations: RelatedManager["PartyOrganisation"]
        instructors: RelatedManager["Instructor"]
        couriers: RelatedManager["Courier"]

    class Meta:
        verbose_name = _("outlet")
        verbose_name_plural = _("outlets")
        ordering = ["division", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_name_uniq_in_place",
                fields=["company", "division", "name"],
                violation_error_message=_("This brand has an outlet of this name here already."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_lies_in_a_district",
                condition=GreaterThanOrEqual(Length("division"), DISTRICT_DIGITS),
                violation_error_message=_("Name the subdistrict the outlet lies in, or its district."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_about_needs_a_number",
                condition=models.Q(is_headcount_approximate=False) | models.Q(headcount__isnull=False),
                violation_error_message=_("Say how many people, if it is to be about that many."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_made_up_says_so",
                condition=models.Q(is_made_up=False) | models.Q(name__startswith="[演示]"),
                violation_error_message=_("A made-up outlet's name begins with [演示]."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def district_code(self) -> str:
        """The six-digit code of the district the outlet lies in."""
        return str(self.division_id)[:6]


class PartyOrganisation(models.Model):
    """A party organisation that outlets belong to: a branch of one's own, a joint one of several, or a committee."""

    class Kind(models.TextChoices):
        BRANCH = "branch", _("branch")
        JOINT_BRANCH = "joint-branch", _("joint branch")
        COMMITTEE = "committee", _("committee")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    name = models.CharField(_("name"), max_length=80)
    division = models.ForeignKey(
        Division, verbose_name=_("division"), on_delete=models.PROTECT, related_name="party_organisations"
    )
    contact = models.CharField(
        _("contact"),
        max_length=80,
        blank=True,
        help_text=_("an office or a role, such as 社区党委书记; no person's own number"),
    )
    outlets = models.ManyToManyField(Outlet, verbose_name=_("outlets"), related_name="organisations", blank=True)
    is_made_up = models.BooleanField(
        _("made up for the demo"),
        default=False,
        help_text=_("its name begins with [演示], so that no one takes it for the truth"),
    )

    objects = PartyOrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = _("party organisation")
        verbose_name_plural = _("party organisations")
        ordering = ["division", "name"]
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_name_uniq_in_place",
                fields=["division", "name"],
                violation_error_message=_("There is an organisation of this name here already."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_kind_is_known",
                condition=models.Q(kind__in=["branch", "joint-branch", "committee"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_contact_is_no_own_number",
                condition=~models.Q(contact__regex=r"1[3-9][0-9]([ -]?[0-9]{4}){2}"),
                violation_error_message=_("Name a role or an office number; nobody's own phone is kept here."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_made_up_says_so",
                condition=models.Q(is_made_up=False) | models.Q(name__startswith="[演示]"),
                violation_error_message=_("A made-up organisation's name begins with [演示]."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Instructor(models.Model):
    """党建指导员: who looks after the party's work at an outlet, and from when until when. One at a time."""

    outlet = models.ForeignKey(Outlet, verbose_name=_("outlet"), on_delete=models.PROTECT, related_name="instructors")
    name = models.CharField(_("full name"), max_length=40)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(
        _("until"), null=True, blank=True, help_text=_("the last day; empty: for the time being")
    )

    class Meta:
        verbose_name = _("party-building instructor")
        verbose_name_plural = _("party-building instructors")
        ordering = ["outlet", "-starts_on"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ends_after_start",
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message=_("The last day comes after the first."),
            ),
            # A range of one number represents the outlet, since a GiST index supports ranges without an extension.
            ExclusionConstraint(
                name="%(app_label)s_%(class)s_one_at_a_time",
                expressions=[
                    (
                        models.Func(
                            "outlet", "outlet", models.Value("[]"),
                            function="int8range", output_field=BigIntegerRangeField(),
                        ),
                        RangeOperators.EQUAL,
                    ),
                    (
                        models.Func(
                            "starts_on", "ends_on", models.Value("[]"),
                            function="daterange", output_field=DateRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message=_("An outlet has one instructor at a time. End the other assignment first."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} {self.starts_on}"
