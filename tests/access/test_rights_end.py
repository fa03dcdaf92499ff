"""T13: a right that is withdrawn ends with the next request, through every door."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client as Browser

from core import clock
from core.models import User
from partners.models import ApiKey, Client
from stations import staffing
from stations.models import Division, StaffRole
from tests.access.asking import Ask, altered, ask, everything, leaks, rolled_back
from tests.access.doors import admin_cases
from tests.access.table import ROWS
from tests.access.test_posted import BODIES, own_effects, sent
from tests.access.walking import browser, quiet
from tests.access.world import World
from tests.proving import counted

pytestmark = pytest.mark.django_db


def own_doors(world: World, account: str, letter: str) -> list[Ask]:
    """The doors that stand open to `account`: its own rows and lists, its pages, and what it may do there."""
    doors = [
        case.asked
        for model in admin.site._registry
        for case in admin_cases(world, account, model)
        if case.is_own or case.door.endswith(" list ?")
    ]
    doors += [
        question
        for pattern, row in ROWS.items()
        if row.kind == "scoped" and row.of is None
        for _door, question in row.asks(pattern, "")
    ]
    doors += own_effects(world, letter).values()
    # What is asked for may be said again.
    return [
        replace(
            each,
            about=tuple(
                part for part in [*each.path.split("/"), *map(str, each.data.values())] if re.search(r"\d{4}", part)
            ),
        )
        for each in doors
    ]


def _disabled(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _no_staff(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


def _other_password(user: User) -> None:
    user = User.objects.get(pk=user.pk)
    user.set_password("another-password-of-today")
    user.save()


def _ended(user: User) -> None:
    staffing.end(role=StaffRole.objects.get(user=user), actor="tests", at=clock.now())


def _moved(user: User) -> None:
    _ended(user)
    staffing.grant(
        user=user,
        duties=["manage", "review"],
        division=Division.objects.get(pk="420104"),
        actor="tests",
        at=clock.now(),
    )


# Of the office, and of the counter.
SIGN_IN = ("/admin/login/", "/counter/sign-in/")
SIGNED_OUT = {"disabled": _disabled, "no staff any more": _no_staff, "another password": _other_password}


@pytest.mark.parametrize("what", SIGNED_OUT)
def test_who_may_no_longer_sign_in_is_out_with_the_next_request(world: World, what: str) -> None:
    doors = own_doors(world, "wuchang", "a")
    client, canaries = browser(world, "wuchang"), world.canaries("anonymous")
    with rolled_back(), quiet():
        assert ask(client, Ask("get", "/admin/")).status == 200
        SIGNED_OUT[what](world.users["wuchang"])
        before = everything()
        for question in doors:
            answer = ask(client, question)
            assert answer.status == 302, question
            assert answer.location.startswith(SIGN_IN), question
            assert leaks(answer, canaries) == [], question
        assert altered(before, everything()) == set()
    assert len(doors) > 40
    counted("T13", f"doors of an account: {what}", doors=len(doors), still_open=0)


@pytest.mark.parametrize(("what", "now_like"), [(_ended, "anonymous"), (_moved, "qiaokou")])
def test_who_lost_or_changed_a_role_sees_and_does_nothing_of_the_old_one(
    world: World, what: Callable[[User], None], now_like: str
) -> None:
    doors = own_doors(world, "wuchang", "a")
    client = browser(world, "wuchang")
    with rolled_back(), quiet():
        assert ask(client, Ask("get", "/admin/")).status == 200
        what(world.users["wuchang"])
        # His own name stands on every page.
        canaries = world.canaries(now_like) - {str(world.users["wuchang"].pk)}
        for question in doors:
            with rolled_back():
                before = everything()
                answer = ask(client, question)
                assert leaks(answer, canaries) == [], question
                assert not altered(before, everything()) & world.foreign_rows(now_like), question
        counted("T13", f"doors of a role: {what.__name__.strip('_')}", doors=len(doors), showing_or_changing=0)
        if now_like == "qiaokou":
            for question in own_effects(world, "d").values():
                with rolled_back():
                    before = everything()
                    ask(client, question)
                    assert altered(before, everything()), question


def _revoked(client: Client) -> None:
    ApiKey.objects.filter(client=client).update(revoked_at=clock.now())


def _expired(client: Client) -> None:
    now = clock.now()
    ApiKey.objects.filter(client=client).update(made_at=now - timedelta(days=9), expires_at=now - timedelta(seconds=1))


def _switched_off(client: Client) -> None:
    Client.objects.filter(pk=client.pk).update(is_active=False)


def _without_scopes(client: Client) -> None:
    Client.objects.filter(pk=client.pk).update(scopes=[])


def _elsewhere(client: Client) -> None:
    client.divisions.set(Division.objects.filter(pk="420104"))


@pytest.mark.parametrize(
    ("what", "write", "whoami"),
    [
        (_revoked, 401, 401),
        (_expired, 401, 401),
        (_switched_off, 401, 401),
        (_without_scopes, 403, 200),
        (_elsewhere, 404, 200),
    ],
)
def test_a_key_that_lost_its_right_is_refused_at_every_door(
    world: World, what: Callable[[Client], None], write: int, whoami: int
) -> None:
    partner: Any = world.of(Client, "u")[0]
    with rolled_back(), quiet():
        for noun in BODIES:
            assert ask(Browser(), sent(world, "u", "WH-WC-6001", noun, BODIES[noun][0], once="before")).status == 201
        what(partner)
        before = everything()
        for noun, bodies in BODIES.items():
            for number, body in enumerate(bodies):
                answer = ask(Browser(), sent(world, "u", "WH-WC-6001", noun, body, once=f"after{number}"))
                assert answer.status == write, (noun, answer.said)
        headers = {"authorization": f"Bearer {world.keys['u']}"}
        assert ask(Browser(), Ask("get", "/api/v1/whoami/", headers=headers)).status == whoami
        changed = {table for table, _key in altered(before, everything())}
        assert changed <= {"core_idempotentrequest"}
    counted("T13", f"doors of a program: {what.__name__.strip('_').replace('_', ' ')}", doors=5, still_open=0)


def test_a_session_that_was_left_is_dead(world: World) -> None:
    client = browser(world, "wuchang")
    kept = client.cookies["sessionid"].value
    with rolled_back(), quiet():
        client.post("/admin/logout/")
        client.cookies["sessionid"] = kept
        assert client.get("/admin/").status_code == 302
