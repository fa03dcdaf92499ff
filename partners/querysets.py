"""Sets of programs and of keys, as sentences."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Max, OuterRef, Q

if TYPE_CHECKING:
    from partners.models import ApiKey, Client  # noqa: F401 - named as text in the bases below

__all__ = ["ApiKeyQuerySet", "ClientQuerySet"]

# Time enough for an office to hand a key over, and for a program to change to it.
RUNS_OUT_WITHIN = timedelta(days=30)


class ClientQuerySet(models.QuerySet["Client"]):
    def running_out(self, *, at: datetime) -> models.QuerySet[Any]:
        """Keep the programs in use whose last key ends within a month, or has ended; each with that moment, `ends_at`.

        A program whose keys were all revoked was shut out on purpose.
        """
        last = Max("keys__expires_at", filter=Q(keys__revoked_at__isnull=True))
        return self.filter(is_active=True).annotate(ends_at=last).filter(ends_at__lte=at + RUNS_OUT_WITHIN)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def living(self, *, at: datetime) -> Self:
        """Keep the keys that are accepted at `at`."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=at)

    def with_divisions(self) -> Self:
        """Annotate `division_codes`: where the key's client may act."""
        from partners.models import Client  # the models are built from this module

        divisions = Client.divisions.through.objects.filter(client=OuterRef("client_id")).order_by("division_id")
        return self.annotate(division_codes=ArraySubquery(divisions.values("division_id")))
