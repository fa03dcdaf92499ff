"""Signing in to the office, guarded by counters without races.

Every try is counted before the password is checked, under the account it names and the address it comes from. An unknown
name is counted, answered and hashed for like a known one, so neither wording nor timing reveals which names exist.
"""

import hashlib
import hmac
import logging
import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.forms import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import clock, limits
from core.addresses import address_key
from core.limits import Limit, TooMany

__all__ = ["FROM_ONE_ADDRESS", "ON_ONE_ACCOUNT", "ON_ONE_ACCOUNT_FROM_ONE_ADDRESS", "SignInForm"]

logger = logging.getLogger(__name__)

WINDOW_S = 15 * 60
ON_ONE_ACCOUNT_FROM_ONE_ADDRESS = Limit("sign-in-pair", calls=5, window_s=WINDOW_S)
# Higher, so that a stranger elsewhere cannot so easily keep an account's owner out.
ON_ONE_ACCOUNT = Limit("sign-in-account", calls=20, window_s=WINDOW_S)
# A whole office stands behind one address.
FROM_ONE_ADDRESS = Limit("sign-in-address", calls=100, window_s=WINDOW_S)


class SignInForm(AdminAuthenticationForm):
    """Name and password, with a guard before the password's check."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": _("Name and password do not belong together. Upper and lower case matter in both."),
        "no_role": _("The account has no role yet. Ask the administrator of the city for one, then sign in again."),
    }

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if self.request is None or not name or not password:
            return super().clean()
        at, address = clock.now(), address_key(self.request)
        account = _account_key(name)
        counted = (
            (FROM_ONE_ADDRESS, address),
            (ON_ONE_ACCOUNT, account),
            (ON_ONE_ACCOUNT_FROM_ONE_ADDRESS, f"{account}{address}"),
        )
        try:
            for limit, key in counted:
                limits.enforce(limit, key=key, at=at)
        except TooMany as refusal:
            logger.warning("Sign-in refused after too many tries (%s).", refusal.data.get("limit"))
            raise ValidationError(_waiting(int(refusal.data["retry_after_s"])), code="too_many_requests") from refusal
        cleaned: dict[str, Any] = super().clean()
        for limit, key in counted[1:]:
            limits.forget(limit, key=key, at=at)
        return cleaned

    def confirm_login_allowed(self, user: Any) -> None:
        # His password is right: told that it is wrong, he would ask for a new one, and not for a role.
        if not user.is_staff:
            raise ValidationError(self.error_messages["no_role"], code="no_role")
        super().confirm_login_allowed(user)


def _waiting(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return ngettext(
        "Too many tries. Wait {minutes} minute, then try again; whoever forgot the password asks the administrator.",
        "Too many tries. Wait {minutes} minutes, then try again; whoever forgot the password asks the administrator.",
        minutes,
    ).format(minutes=minutes)


def _account_key(name: str) -> str:
    """A keyed digest of the name as typed, however it is written: the counters hold no name."""
    written = unicodedata.normalize("NFKC", name).casefold().encode("utf-8", "replace")
    return hmac.new(settings.SECRET_KEY.encode(), b"account " + written, hashlib.sha256).hexdigest()[:32]
