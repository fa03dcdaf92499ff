"""The desk for partners' programs: administrators only, a key shown once and nowhere else, everything in the trail."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from core.admin import described_changes
from core.models import AuditEvent
from partners import keys
from partners.models import ApiKey, Client
from stations.models import Division
from tests.builders import make_client, make_district, make_key, make_staff, make_station
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db

KEY = re.compile(r"fc_(?:live|sandbox)_[a-z0-9]{10}_[A-Za-z0-9]{40}")


@pytest.fixture
def desk() -> Browser:
    browser = Browser()
    browser.force_login(make_staff("admin"))
    return browser


def filled_in(**changes: Any) -> dict[str, Any]:
    return {
        "code": "little-bees",
        "name": "江城小蜜蜂",
        "contact": "运营组 027-0000",
        "kind": "live",
        "divisions": ["420106"],
        "scopes": ["uses:write"],
        "calls_per_minute": "60",
        "is_active": "on",
    } | changes


def issue_page(client: Client) -> str:
    return reverse("admin:partners_client_issue_key", args=[client.pk])


def test_a_program_is_registered_and_changed_with_its_trail(desk: Browser) -> None:
    make_district()
    assert desk.post(reverse("admin:partners_client_add"), filled_in()).status_code == 302
    client = Client.objects.get()
    assert [division.code for division in client.divisions.all()] == ["420106"]
    page = reverse("admin:partners_client_change", args=[client.pk])
    assert desk.post(page, filled_in(name="蜜蜂", code="other", kind="sandbox")).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.code, client.kind) == ("蜜蜂", "little-bees", "live")
    assert [event.kind for event in AuditEvent.objects.all()] == ["client.changed", "client.registered"]
    history = desk.get(reverse("admin:partners_client_history", args=[client.pk])).content.decode()
    assert "江城小蜜蜂" in history


@pytest.mark.parametrize(
    "changes", [{"divisions": []}, {"scopes": ["stations:write"]}, {"calls_per_minute": "0"}, {"code": "a b"}]
)
def test_a_wrong_form_is_shown_again_and_nothing_is_kept(desk: Browser, changes: dict[str, Any]) -> None:
    make_district()
    page = desk.post(reverse("admin:partners_client_add"), filled_in(**changes))
    assert page.status_code == 200
    assert set(page.context["adminform"].form.errors) & {*changes, "__all__"}
    assert not Client.objects.exists()


def test_a_key_is_shown_on_one_answer_and_nowhere_else(desk: Browser) -> None:
    client = make_client()
    asked = desk.get(issue_page(client))
    assert asked.status_code == 200
    shown = desk.post(issue_page(client), {"days": "30", "keys_seen": "0"})
    found = KEY.search(shown.content.decode())
    assert found is not None
    text = found[0]
    assert "no-store" in shown.headers["Cache-Control"]
    assert Partner(text).get("whoami/").status_code == 200
    assert not list(get_messages(shown.wsgi_request))
    assert text not in str(shown.cookies)
    assert text not in str(dict(desk.session))
    later = [
        desk.get(reverse("admin:partners_client_change", args=[client.pk])),
        desk.get(reverse("admin:partners_client_history", args=[client.pk])),
        desk.get(reverse("admin:partners_client_changelist")),
        desk.get(reverse("admin:core_auditevent_changelist")),
        desk.get(issue_page(client)),
    ]
    for page in later:
        assert page.status_code == 200
        assert text.rsplit("_", 1)[-1] not in page.content.decode()
    assert text.split("_")[2] in later[0].content.decode()


def test_the_same_tap_twice_issues_one_key(desk: Browser) -> None:
    client = make_client()
    form = {"days": "30", "keys_seen": "0"}
    assert desk.post(issue_page(client), form).status_code == 200
    assert desk.post(issue_page(client), form).status_code == 302
    assert client.keys.count() == 1


def test_a_third_living_key_is_refused_with_the_way_out(desk: Browser) -> None:
    client = make_client()
    make_key(client), make_key(client)
    refused = desk.post(issue_page(client), {"days": "30", "keys_seen": "2"})
    assert refused.status_code == 302
    assert [message.level_tag for message in get_messages(refused.wsgi_request)] == ["error"]
    assert client.keys.count() == 2


def test_a_key_is_revoked_with_a_reason(desk: Browser) -> None:
    client = make_client()
    text = make_key(client)
    page = reverse("admin:partners_client_revoke_key", args=[client.pk, ApiKey.objects.get().prefix])
    assert desk.get(page).status_code == 200
    assert desk.post(page, {"reason": ""}).status_code == 200
    assert Partner(text).get("whoami/").status_code == 200
    assert desk.post(page, {"reason": "手机丢了"}).status_code == 302
    assert Partner(text).get("whoami/").json()["code"] == "key_revoked"
    assert AuditEvent.objects.get(kind="client.key-revoked").data["reason"] == "手机丢了"


def test_a_key_says_to_the_minute_until_when_it_is_valid_where_it_is_kept_and_where_it_is_revoked(
    desk: Browser,
) -> None:
    """It ends at the hour at which it was issued, which may be before an office opens."""
    client = make_client()
    make_key(client, at=datetime(2026, 6, 10, 22, 30, tzinfo=UTC), days=366)
    ApiKey.objects.update(last_used_on=date(2026, 7, 1))
    key = ApiKey.objects.get()
    for page in (
        reverse("admin:partners_client_change", args=[client.pk]),
        reverse("admin:partners_client_revoke_key", args=[client.pk, key.prefix]),
    ):
        said = desk.get(page).content.decode()
        assert "2027-06-12 06:30 · 最近使用 2026-07-01" in said


def test_the_trail_calls_a_programs_key_by_its_name() -> None:
    make_key()
    [said] = described_changes([AuditEvent.objects.get(kind="client.key-issued")])
    assert "密钥" in said


def test_the_first_page_names_the_programs_that_will_be_shut_out_for_want_of_a_next_key(desk: Browser) -> None:
    now, day = clock.now(), timedelta(days=1)

    def keyed(code: str, *lives: int) -> Client:
        client = make_client(code=code)
        for days in lives:
            make_key(client, at=now + days * day - 100 * day, days=100)
        return client

    ends_soon, over = keyed("soon", 29), keyed("over", -1)
    keyed("later", 31), keyed("changed", 2, 60), keyed("none")
    keys.revoke(key=keyed("revoked", 2).keys.get(), reason="试", at=now, actor="tests")
    Client.objects.filter(pk=keyed("off", 2).pk).update(is_active=False)

    lists = {each.url: each for each in desk.get(reverse("admin:index")).context["overview"].work_lists}
    ours = lists[f"{reverse('admin:partners_client_changelist')}?is_active__exact=1"]
    wanted = [reverse("admin:partners_client_change", args=[client.pk]) for client in (over, ends_soon)]
    assert (ours.number, [page for _name, page in ours.first]) == ("2", wanted)
    assert desk.get(ours.url).status_code == 200
    clerk = Browser()
    clerk.force_login(make_staff("clerk", scope=Division.objects.get(pk="4201"), duties=["manage"]))
    assert ours.url not in {each.url for each in clerk.get(reverse("admin:index")).context["overview"].work_lists}


def test_a_write_begun_under_a_key_that_was_revoked_is_repeated_under_the_next_and_done_once(desk: Browser) -> None:
    client, station = make_client(), make_station()
    old, new = make_key(client), make_key(client)
    address, body = f"stations/{station.code}/uses/", {"satisfied": True}
    first = Partner(old).post(address, body, once="visit-1")
    page = reverse("admin:partners_client_revoke_key", args=[client.pk, old.split("_")[2]])
    assert desk.post(page, {"reason": "换密钥"}).status_code == 302
    assert Partner(old).post(address, body, once="visit-1").json()["code"] == "key_revoked"
    again = Partner(new).post(address, body, once="visit-1")
    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (201, first.content, "true")


def test_no_program_is_deleted_and_a_key_of_another_is_not_found(desk: Browser) -> None:
    client, other = make_client(), make_client(code="others")
    make_key(other)
    assert desk.get(reverse("admin:partners_client_delete", args=[client.pk])).status_code == 403
    prefix = ApiKey.objects.get().prefix
    assert desk.get(reverse("admin:partners_client_revoke_key", args=[client.pk, prefix])).status_code == 404


@pytest.mark.parametrize("is_city", [True, False])
def test_who_is_no_administrator_gets_nowhere(is_city: bool) -> None:
    client = make_client()
    make_key(client)
    browser = Browser()
    scope = Division.objects.get(pk="4201" if is_city else "420106")
    user = make_staff("clerk", scope=scope, duties=["manage", "review", "counter", "view", "audit"])
    browser.force_login(user)
    doors = [
        reverse("admin:partners_client_changelist"),
        reverse("admin:partners_client_add"),
        reverse("admin:partners_client_change", args=[client.pk]),
        reverse("admin:partners_client_history", args=[client.pk]),
        issue_page(client),
        reverse("admin:partners_client_revoke_key", args=[client.pk, ApiKey.objects.get().prefix]),
    ]
    for door in doors:
        for answer in (browser.get(door), browser.post(door, {"days": "3", "keys_seen": "1", "reason": "x"})):
            assert answer.status_code == 403, door
    assert ApiKey.objects.get().revoked_at is None
    assert client.keys.living(at=clock.now()).count() == 1  # type: ignore[attr-defined]
