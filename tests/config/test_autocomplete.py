"""Every search field of the office, given something that is no key: the field reports it like any other invalid choice."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import reverse

from core.admin import AuditedAdmin
from core.models import User
from couriers.models import Courier, PartyOrganisation
from tests.builders import make_courier, make_outlet

pytestmark = pytest.mark.django_db

FIELDS = [
    pytest.param(options, name, id=f"{model.__name__}.{name}")
    for model, options in admin.site._registry.items()
    for name in options.autocomplete_fields
]


@pytest.fixture
def browser(admin_user: User) -> Browser:
    browser = Browser()
    browser.force_login(admin_user)
    return browser


def address(options: AuditedAdmin) -> str:
    """Of the form for a new row; of couriers, whom a page of its own registers, of one that is there."""
    start = f"admin:{options.opts.app_label}_{options.opts.model_name}"
    if options.model is Courier:
        return reverse(f"{start}_change", args=[make_courier().pk])
    return reverse(f"{start}_add")


@pytest.mark.parametrize("key", ["abc", "\0", "4\x002", "9" * 30])
@pytest.mark.parametrize(("options", "name"), FIELDS)
def test_what_is_no_key_is_refused_at_its_field(browser: Browser, options: AuditedAdmin, name: str, key: str) -> None:
    answer: Any = browser.post(address(options), {name: key})
    assert answer.status_code == 200
    form = answer.context["adminform"].form
    assert form.errors[name]
    assert "selected" not in str(form[name])


@pytest.mark.parametrize("key", ["abc", "9" * 30])
@pytest.mark.parametrize(("options", "name"), FIELDS)
def test_an_address_that_names_no_key_opens_the_form_with_nothing_chosen(
    browser: Browser, options: AuditedAdmin, name: str, key: str
) -> None:
    answer: Any = browser.get(address(options), {name: key})
    assert answer.status_code == 200
    assert "selected" not in str(answer.context["adminform"].form[name])


def test_a_key_among_others_that_are_none_stays_chosen(browser: Browser) -> None:
    options: Any = admin.site._registry[PartyOrganisation]
    outlet = make_outlet()
    answer: Any = browser.post(address(options), {"outlets": [outlet.pk, "abc"]})
    assert f'<option value="{outlet.pk}" selected>' in str(answer.context["adminform"].form["outlets"])
