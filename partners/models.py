"""Outside programs: who they are, what they may do and where, and the keys they show."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from partners.querysets import ApiKeyQuerySet, ClientQuerySet
from stations.models import Division

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

__all__ = ["LONGEST_LIFE", "ApiKey", "Client", "Scope"]

# A year, leap years included.
LONGEST_LIFE = timedelta(days=366)


class Scope(models.TextChoices):
    """What a partner may do, by noun and verb. Public look-ups need none."""

    CONFIRMATIONS_WRITE = "confirmations:write", _("say what was found at a station")
    USES_WRITE = "uses:write", _("count who came to rest")
    COURIERS_WRITE = "couriers:write", _("register couriers")
    COURIERS_READ = "couriers:read", _("look couriers up, masked")
    ACCOUNTS_READ = "accounts:read", _("read couriers' points and statements")
    AWARDS_WRITE = "awards:write", _("give points, from a district's fund")
    REVERSALS_WRITE = "reversals:write", _("take its own awards back")
    PASSES_WRITE = "passes:write", _("issue passes to couriers who know their PIN")
    REDEMPTIONS_WRITE = "redemptions:write", _("order, hand over and cancel gifts")
    REDEMPTIONS_READ = "redemptions:read", _("read redemptions")


class Client(models.Model):
    """A partner's program, such as the mini-program of 江城小蜜蜂 or a delivery platform's app.

    It acts in its divisions and below; a client without any reaches nothing, and the whole city has to be named (4201). A
    sandbox client is for trials: it can write only at stations that are made up for the demo.
    """

    class Kind(models.TextChoices):
        LIVE = "live", _("live")
        SANDBOX = "sandbox", _("sandbox: for trying, at made-up stations only")

    code = models.SlugField(
        _("code"), max_length=32, unique=True, help_text=_("short, in Latin letters, such as little-bees; it stays")
    )
    name = models.CharField(_("name"), max_length=80)
    contact = models.CharField(
        _("contact"), max_length=120, help_text=_("an office and its number, whom to call when the program misbehaves")
    )
    divisions = models.ManyToManyField(
        Division,
        verbose_name=_("divisions"),
        related_name="clients",
        help_text=_("where it may act; for the whole city name 武汉市"),
    )
    scopes = ArrayField(
        models.CharField(max_length=40, choices=Scope), verbose_name=_("scopes"), default=list, blank=True
    )
    calls_per_minute = models.PositiveIntegerField(_("calls a minute"), default=120)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("switched off, all its keys are refused with the next request")
    )
    made_at = models.DateTimeField(_("made at"), default=clock.now, editable=False)

    objects = ClientQuerySet.as_manager()

    if TYPE_CHECKING:
        keys: RelatedManager["ApiKey"]

    class Meta:
        verbose_name = _("partner program")
        verbose_name_plural = _("partner programs")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_kind_is_known", condition=models.Q(kind__in=["live", "sandbox"])
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_scopes_are_known",
                condition=models.Q(scopes__contained_by=Scope.values),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_calls_1_to_6000",
                condition=models.Q(calls_per_minute__range=(1, 6000)),
                violation_error_message=_("Give 1 to 6000 calls a minute."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sandbox(self) -> bool:
        return self.kind == self.Kind.SANDBOX


class ApiKey(models.Model):
    """A key of a client. Its secret is shown once when it is issued; here is its digest.

    A client has at most two valid keys, so that it can change from one to the next. The database counts them, and a revoked
    key stays revoked (partners/sql/living_keys.sql).
    """

    client = models.ForeignKey(Client, verbose_name=_("partner program"), on_delete=models.PROTECT, related_name="keys")
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, help_text=_("the part that may be shown"))
    digest = models.CharField(_("digest"), max_length=64, editable=False, help_text=_("SHA-256 of the whole key"))
    made_at = models.DateTimeField(_("issued at"))
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_on = models.DateField(_("last used on"), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("key")
        verbose_name_plural = _("keys")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_expires_within_a_year",
                condition=models.Q(
                    expires_at__gt=models.F("made_at"), expires_at__lte=models.F("made_at") + LONGEST_LIFE
                ),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_digest_is_sha256", condition=models.Q(digest__regex=r"^[0-9a-f]{64}$")
            ),
        ]

    def __str__(self) -> str:
        return self.prefix
