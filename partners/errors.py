"""The refusals of `partners`."""

from django.utils.translation import gettext_lazy as _

from core.errors import SelfExplained

__all__ = ["DivisionsMissing", "KeysChangedMeanwhile", "LifeTooLong", "ReasonMissing", "TwoKeysLive"]


class TwoKeysLive(SelfExplained):
    code, status = "two_keys_live", 409
    title = _("There are two living keys already.")
    way_out = _("Revoke one of them first.")


class KeysChangedMeanwhile(SelfExplained):
    """The page from which a key was requested is out of date: somebody else, or a double tap, has issued one."""

    code, status = "keys_changed_meanwhile", 409
    title = _("A key was issued here meanwhile.")
    way_out = _("Look at the keys below; if yours was not copied, revoke it and issue another.")


class LifeTooLong(SelfExplained):
    code, status = "life_too_long", 400
    title = _("A key lives for 1 to 366 days.")
    way_out = _("Give a number of days between.")


class ReasonMissing(SelfExplained):
    code, status = "key_reason_missing", 400
    title = _("The reason is missing.")
    way_out = _("Say why, in a few words.")


class DivisionsMissing(SelfExplained):
    code, status = "divisions_missing", 400
    title = _("The program has no division.")
    way_out = _("Name where it may act. For the whole city name 武汉市.")
