"""The books and the trail know staff by the account's name: it is unique, never one of the program's own, and never changes."""

import ast
import io
import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from core.models import PROGRAMS_OWN, User
from tests.builders import make_staff

pytestmark = pytest.mark.django_db

ADD = reverse("admin:core_user_add")
PASSWORD = "three-words-that-nobody-says"
OWN = ["self", "Worker", "visitor", "courier", "import_couriers", "DEMO_points", "partner sf-express"]
OTHERS = ["selfie", "shenhe", "import", "partner", "courier-office"]


def by_form(name: str) -> bool:
    desk = Client()
    desk.force_login(User.objects.filter(is_superuser=True).first() or make_staff("administrator"))
    said = {"username": name, "password1": PASSWORD, "password2": PASSWORD}
    return desk.post(ADD, said).status_code == 302


def by_command(name: str) -> bool:
    try:
        call_command("createsuperuser", username=name, email="", interactive=False, stdout=io.StringIO())
    except CommandError:
        return False
    return True


def by_the_database(name: str) -> bool:
    try:
        with transaction.atomic():
            User.objects.create_user(name)
    except IntegrityError:
        return False
    return True


@pytest.mark.parametrize("made", [by_form, by_command, by_the_database])
def test_no_account_has_a_name_of_the_programs(made: Callable[[str], bool]) -> None:
    assert {name: made(name) for name in OWN} == dict.fromkeys(OWN, False)
    assert {name: made(name) for name in OTHERS} == dict.fromkeys(OTHERS, True)
    assert not User.objects.filter(username__in=OWN).exists()


def signing() -> Iterator[str]:
    """Every text with which our own code signs."""
    for app in ("core", "stations", "couriers", "points", "partners"):
        for file in sorted((settings.BASE_DIR / app).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.keyword(arg="actor", value=ast.Constant(value=str(name))):
                        yield name
                    case ast.Assign(targets=[ast.Name(id="ACTOR")], value=ast.Constant(value=str(name))):
                        yield name
                    case ast.Constant(value=str(name)) if re.fullmatch(r"actor:\w+", name):
                        yield name.removeprefix("actor:")


def test_all_that_signs_and_is_no_account_is_kept_from_accounts() -> None:
    names = set(signing())
    assert {"self", "worker", "load_gifts", "demo_points"} <= names
    assert [name for name in sorted(names) if not re.match(PROGRAMS_OWN, name)] == []


def test_a_new_account_is_asked_for_a_name_and_a_password_and_no_more() -> None:
    desk = Client()
    desk.force_login(make_staff("administrator"))
    assert list(desk.get(ADD).context["adminform"].form.fields) == ["username", "password1", "password2"]
    assert by_form("shenhe")
    assert Client().login(username="shenhe", password=PASSWORD)


def test_an_account_keeps_its_name() -> None:
    desk, li = Client(), make_staff("li")
    desk.force_login(make_staff("administrator"))
    page = reverse("admin:core_user_change", args=[li.pk])
    said = {"username": "li2", "last_name": "李", "is_staff": "on", "is_active": "on"}
    said |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    assert 'name="last_name"' in desk.get(page).text
    assert 'name="username"' not in desk.get(page).text
    assert desk.post(page, said).status_code == 302
    li.refresh_from_db()
    assert (li.username, li.last_name) == ("li", "李")
    assert 'name="username"' in desk.get(ADD).text
