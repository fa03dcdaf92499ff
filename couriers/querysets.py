"""Sets of outlets and couriers, as sentences."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from stations.access import Scope

if TYPE_CHECKING:
    # Named as text in the bases below.
    from couriers.models import Courier, Outlet, PartyOrganisation  # noqa: F401

__all__ = ["CourierQuerySet", "OutletQuerySet", "PartyOrganisationQuerySet"]


def _lies_in(scope: Scope) -> Q:
    """The condition that keeps the rows whose division lies in `scope`; single stations bring no division."""
    if scope.is_city:
        return Q()
    return reduce(or_, (Q(division__code__startswith=prefix) for prefix in scope.prefixes), Q(pk__in=[]))


class PartyOrganisationQuerySet(models.QuerySet["PartyOrganisation"]):
    def within(self, scope: Scope) -> Self:
        """Keep those of divisions in `scope`."""
        return self.filter(_lies_in(scope))


class OutletQuerySet(models.QuerySet["Outlet"]):
    def within(self, scope: Scope) -> Self:
        """Keep those that lie in `scope`."""
        return self.filter(_lies_in(scope))


class CourierQuerySet(models.QuerySet["Courier"]):
    def within(self, scope: Scope) -> Self:
        """Keep those whose district lies in `scope` as a whole."""
        return self.filter(_lies_in(scope))

    def shared_with(self, partner: str) -> Self:
        """Keep those whose latest word on sharing with this partner program is yes."""
        from couriers.models import Consent  # the models are built from this module

        said = Consent.objects.filter(courier=OuterRef("pk"), purpose=Consent.Purpose.SHARING, partner=partner)
        newest = said.order_by("-id").values("act")[:1]
        return self.annotate(said_of_sharing=Subquery(newest)).filter(said_of_sharing=Consent.Act.GIVEN)

    def one_with(self, courier: "Courier") -> Self:
        """Keep him and the profiles that were merged into him, since what one person has had is what they all had together."""
        return self.filter(Q(pk=courier.pk) | Q(merged_into=courier.pk))
