"""The second person at the same screen: a colleague who signs for what one may not do alone, with his own name and password."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.signing_in import SignInForm
from points.admin.scoped import OnceForm
from stations import access
from stations.access import Scope

__all__ = ["SecondPersonForm"]


class SecondPersonForm(OnceForm):
    """Left empty nobody signs. What is typed is counted and checked as at the door of the office, and signs nobody in."""

    second_name = forms.CharField(
        label=_("second person"), max_length=150, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text=_("the account of a colleague who stands by you"),
    )  # fmt: skip
    second_password = forms.CharField(
        label=_("his or her password"), max_length=128, required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("typed by himself or herself; it is checked and not kept"),
    )  # fmt: skip

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def signed_by(self, duties: tuple[str, ...], covers: Callable[[Scope], bool]) -> User | None:
        """Who signed, if anybody did and may: one with any of `duties` in a scope that `covers` what is done.

        To be asked in `clean`, outside a transaction: a wrong password is counted whatever becomes of the form.
        """
        name, password = self.cleaned_data.get("second_name", ""), self.cleaned_data.get("second_password", "")
        if not name and not password:
            return None
        if not name or not password:
            self.add_error(
                "second_password" if name else "second_name", gettext("Account and password belong together.")
            )
            return None
        if name.strip() == self.request.user.get_username():
            self.add_error("second_name", gettext("That is you. Somebody else has to sign."))
            return None
        asked = SignInForm(self.request, data={"username": name, "password": password})
        if not asked.is_valid():
            for errors in asked.errors.values():
                self.add_error("second_password", errors)
            return None
        signed: Any = asked.get_user()
        if not isinstance(signed, User) or signed.pk == self.request.user.pk:
            self.add_error("second_name", gettext("That is you. Somebody else has to sign."))
            return None
        if not covers(access.scope_of(signed, *duties)):
            self.add_error("second_name", gettext("This colleague may not do it here, and so cannot sign for it."))
            return None
        return signed
