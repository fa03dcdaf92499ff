"""Sets of outlets and couriers, as sentences."""

from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from stations.access import Scope

if TYPE_CHECKING:
    from couriers.models import Courier, Instructor, Outlet  # noqa: F401 - named as text in the bases below

__all__ = ["CourierQuerySet", "InstructorQuerySet", "OutletQuerySet"]


class InstructorQuerySet(models.QuerySet["Instructor"]):
    def assigned_on(self, day: date) -> Self:
        """Keep the assignments that hold on `day`; the last day belongs to them."""
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day), starts_on__lte=day)


class OutletQuerySet(models.QuerySet["Outlet"]):
    def covered_on(self, day: date) -> Self:
        """Keep those with a party organisation, of their own or joint, or with an instructor."""
        from couriers.models import Instructor, PartyOrganisation  # the models are built from this module

        organisations = PartyOrganisation.outlets.through.objects.filter(outlet=OuterRef("pk"))
        instructors = Instructor.objects.filter(outlet=OuterRef("pk")).assigned_on(day)
        return self.filter(Q(Exists(organisations)) | Q(Exists(instructors)))


class CourierQuerySet(models.QuerySet["Courier"]):
    def within(self, scope: Scope) -> Self:
        """Keep those whose district lies in `scope` as a whole."""
        return self.filter(division__in=scope.divisions())
