"""Sets of keys, as sentences."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef

if TYPE_CHECKING:
    from partners.models import ApiKey  # noqa: F401 - named as text in the bases below

__all__ = ["ApiKeyQuerySet"]


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def living(self, *, at: datetime) -> Self:
        """Keep the keys that are accepted at `at`."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=at)

    def with_divisions(self) -> Self:
        """Annotate `division_codes`: where the key's client may act."""
        from partners.models import Client  # the models are built from this module

        divisions = Client.divisions.through.objects.filter(client=OuterRef("client_id")).order_by("division_id")
        return self.annotate(division_codes=ArraySubquery(divisions.values("division_id")))
