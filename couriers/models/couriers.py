"""The couriers themselves, sealed: a random code to the outside, name and phone under a key that the database does not hold."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from couriers.models.outlets import Company, Outlet
from couriers.querysets import CourierQuerySet
from stations.access import DISTRICT_DIGITS
from stations.models import Division

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from core.models import User

__all__ = ["Consent", "Courier", "Device", "Erasure", "PinReset", "RetiredCode"]

CODE_SHAPE = r"^[0-9A-HJKMNP-TV-Z]{11}$"


class Courier(models.Model):
    """快递小哥 or 外卖小哥: somebody who earns points and takes gifts for them.

    To the outside he is his member code. Name and phone are sealed (couriers/privacy.py); `phone_index` finds a phone
    exactly and nothing else. No ID number, birth date, face, health, place or party membership is kept. Rows are never
    deleted: an erased one has nothing personal left, and the ledger still refers to its code.
    """

    class Kind(models.TextChoices):
        EXPRESS = "express", _("express courier")
        FOOD_DELIVERY = "food-delivery", _("food courier")

    class Status(models.TextChoices):
        UNVERIFIED = "unverified", _("not met yet")
        ACTIVE = "active", _("in good standing")
        BLOCKED = "blocked", _("blocked")
        ERASED = "erased", _("erased")

    class Channel(models.TextChoices):
        SELF = "self", _("by himself")
        STAFF = "staff", _("by staff")
        IMPORT = "import", _("from a list")
        API = "api", _("by a partner program")

    code = models.CharField(
        _("member code"), max_length=11, unique=True, help_text=_("random; printed on the card as QR")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    company = models.ForeignKey(
        Company, verbose_name=_("brand"), on_delete=models.PROTECT, null=True, blank=True, related_name="couriers"
    )
    outlet = models.ForeignKey(
        Outlet, verbose_name=_("outlet"), on_delete=models.PROTECT, null=True, blank=True, related_name="couriers"
    )
    division = models.ForeignKey(
        Division,
        verbose_name=_("district"),
        on_delete=models.PROTECT,
        related_name="couriers",
        help_text=_("where he was registered; points are earned and spent in the whole city"),
    )
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.UNVERIFIED)

    name_sealed = models.BinaryField(_("full name, sealed"), null=True, editable=False)
    phone_sealed = models.BinaryField(_("mobile phone, sealed"), null=True, editable=False)
    # HMAC-SHA256. Without a phone it is NULL: with empty texts, two couriers would have the same one.
    phone_index = models.CharField(_("phone index"), max_length=64, null=True, editable=False)  # noqa: DJ001
    pin_hash = models.CharField(_("PIN, hashed"), max_length=128, blank=True, editable=False)

    registered_at = models.DateTimeField(_("registered at"))
    registered_by = models.CharField(_("registered by"), max_length=150, help_text=_("an account, a program, or self"))
    channel = models.CharField(_("way of registering"), max_length=8, choices=Channel)
    verified_at = models.DateTimeField(_("met at"), null=True, blank=True)
    verified_by = models.CharField(_("met by"), max_length=150, blank=True)
    blocked_reason = models.CharField(_("blocked because"), max_length=120, blank=True)
    merged_into: models.ForeignKey["Courier | None", "Courier | None"] = models.ForeignKey(
        "self",
        verbose_name=_("merged into"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged",
        help_text=_("the same person's other profile, which goes on; never one that was merged itself"),
    )

    objects = CourierQuerySet.as_manager()

    if TYPE_CHECKING:
        merged_into_id: int | None
        merged: RelatedManager["Courier"]
        consents: RelatedManager["Consent"]
        retired_codes: RelatedManager["RetiredCode"]
        pin_resets: RelatedManager["PinReset"]
        devices: RelatedManager["Device"]

    class Meta:
        verbose_name = _("courier")
        verbose_name_plural = _("couriers")
        ordering = ["-registered_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_code_has_its_shape", condition=models.Q(code__regex=CODE_SHAPE)
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_kind_is_known",
                condition=models.Q(kind__in=["express", "food-delivery"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_status_is_known",
                condition=models.Q(status__in=["unverified", "active", "blocked", "erased"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_channel_is_known",
                condition=models.Q(channel__in=["self", "staff", "import", "api"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_division_is_a_district",
                condition=Exact(Length("division"), DISTRICT_DIGITS),
                violation_error_message=_("Name the district."),
            ),
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_phone_uniq",
                fields=["phone_index"],
                violation_error_message=_("This phone belongs to another courier."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_phone_is_sealed_and_indexed",
                condition=models.Q(phone_sealed__isnull=True, phone_index__isnull=True)
                | models.Q(phone_sealed__isnull=False, phone_index__isnull=False, phone_index__regex=r"^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_erased_keeps_nothing",
                condition=~models.Q(status="erased")
                | models.Q(name_sealed__isnull=True, phone_sealed__isnull=True, pin_hash=""),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_active_was_met",
                condition=~models.Q(status="active") | models.Q(verified_at__isnull=False),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_met_by_somebody",
                condition=models.Q(verified_at__isnull=True, verified_by="")
                | models.Q(verified_at__isnull=False) & ~models.Q(verified_by=""),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_blocked_with_a_reason",
                condition=models.Q(status="blocked") & ~models.Q(blocked_reason="")
                | ~models.Q(status="blocked") & models.Q(blocked_reason=""),
                violation_error_message=_("Say why, in a few words."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_merged_is_erased_and_into_another",
                condition=models.Q(merged_into__isnull=True)
                | models.Q(status="erased") & ~models.Q(merged_into=models.F("id")),
            ),
        ]
        indexes = [models.Index(name="couriers_courier_district_idx", fields=["division", "-registered_at", "-id"])]

    def __str__(self) -> str:
        return self.code

    @property
    def is_erased(self) -> bool:
        """Whether nothing personal is left: erased at his request, or merged into his other profile."""
        return self.status == self.Status.ERASED

    @property
    def is_merged(self) -> bool:
        return self.merged_into_id is not None

    @property
    def has_pin(self) -> bool:
        return bool(self.pin_hash)


class RetiredCode(models.Model):
    """The code of a card that was replaced (补卡): it opens nothing, and a scan says that there is a newer card."""

    code = models.CharField(_("member code"), max_length=11, unique=True)
    courier = models.ForeignKey(
        Courier, verbose_name=_("courier"), on_delete=models.PROTECT, related_name="retired_codes"
    )
    retired_at = models.DateTimeField(_("replaced at"))

    class Meta:
        verbose_name = _("replaced card")
        verbose_name_plural = _("replaced cards")
        ordering = ["-retired_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_code_has_its_shape", condition=models.Q(code__regex=CODE_SHAPE)
            )
        ]

    def __str__(self) -> str:
        return self.code


class PinReset(models.Model):
    """A one-time link with which a courier sets a new PIN on his own phone; kept only as the SHA-256 of its token.

    Once used, it is deleted; so are older ones when another is made.
    """

    courier = models.ForeignKey(Courier, verbose_name=_("courier"), on_delete=models.CASCADE, related_name="pin_resets")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    made_by: models.ForeignKey["User | None", "User | None"] = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("made by"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    made_at = models.DateTimeField(_("made at"))
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        verbose_name = _("link for a new PIN")
        verbose_name_plural = _("links for a new PIN")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_token_is_kept_as_digest",
                condition=models.Q(token_digest__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 - a pattern
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_expires_after_it_is_made",
                condition=models.Q(expires_at__gt=models.F("made_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier_id} {self.made_at:%Y-%m-%d %H:%M}"


class Device(models.Model):
    """A phone on which a courier stays signed in until he signs it out or it expires; kept only as the SHA-256 of its token.

    Besides that only what he tells his phones apart by is kept: the sort of phone, and the day it was last used.
    """

    courier = models.ForeignKey(Courier, verbose_name=_("courier"), on_delete=models.CASCADE, related_name="devices")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    kind = models.CharField(_("sort of phone"), max_length=24, help_text=_("system and app, such as android wechat"))
    signed_in_at = models.DateTimeField(_("signed in at"))
    seen_on = models.DateField(_("last used on"))
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        verbose_name = _("signed-in phone")
        verbose_name_plural = _("signed-in phones")
        ordering = ["-signed_in_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_token_is_kept_as_digest",
                condition=models.Q(token_digest__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 - a pattern
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_expires_after_signing_in",
                condition=models.Q(expires_at__gt=models.F("signed_in_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier_id} {self.kind}"


class Consent(models.Model):
    """What a courier agreed to or withdrew, and the exact notice that he saw. Append-only.

    The database refuses UPDATE, DELETE and TRUNCATE for every role (couriers/sql/append_only.sql); the newest row for a
    purpose and partner counts. Withdrawing never takes away the service itself.
    """

    class Purpose(models.TextChoices):
        MEMBERSHIP = "membership", _("keep name and phone for points and gifts")
        SHARING = "sharing", _("share with a named partner")

    class Act(models.TextChoices):
        GIVEN = "given", _("given")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Channel(models.TextChoices):
        PAGE = "page", _("on his own phone")
        PAPER = "paper", _("on paper, before staff")
        API = "api", _("in a partner program")

    courier = models.ForeignKey(Courier, verbose_name=_("courier"), on_delete=models.PROTECT, related_name="consents")
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose)
    partner = models.CharField(_("partner"), max_length=32, blank=True, help_text=_("the code of the partner program"))
    act = models.CharField(_("act"), max_length=16, choices=Act)
    notice_version = models.CharField(_("version of the notice"), max_length=20)
    notice_sha256 = models.CharField(_("SHA-256 of the notice"), max_length=64)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel)
    occurred_at = models.DateTimeField(_("occurred at"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_purpose_is_known",
                condition=models.Q(purpose__in=["membership", "sharing"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_sharing_names_its_partner",
                condition=models.Q(purpose="sharing") & ~models.Q(partner="")
                | ~models.Q(purpose="sharing") & models.Q(partner=""),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_act_is_known", condition=models.Q(act__in=["given", "withdrawn"])
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_channel_is_known",
                condition=models.Q(channel__in=["page", "paper", "api"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_notice_is_named",
                condition=~models.Q(notice_version="") & models.Q(notice_sha256__regex=r"^[0-9a-f]{64}$"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier_id} {self.purpose} {self.act}"


class Erasure(models.Model):
    """The tombstone of an erased courier: his code and when, so that a restored backup can be erased again. Append-only."""

    courier = models.OneToOneField(Courier, verbose_name=_("courier"), on_delete=models.PROTECT, related_name="erasure")
    code = models.CharField(_("member code"), max_length=11, unique=True)
    erased_at = models.DateTimeField(_("erased at"))

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.code
