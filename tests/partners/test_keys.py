"""Keys: shown once, two at most, revoked at once; and every reason not to be let in, each with its own code."""

import hmac
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser

from core import clock
from core.api.errors import ClientInactive, KeyExpired, KeyMalformed, KeyRevoked, KeyUnknown
from core.errors import DomainError
from core.models import AuditEvent, Counter
from partners import clients, keys
from partners.clients import ClientFacts
from partners.errors import DivisionsMissing, KeysChangedMeanwhile, LifeTooLong, ReasonMissing, TwoKeysLive
from partners.models import ApiKey, Client
from stations.models import Station
from tests.builders import NOON, make_amenity, make_client, make_key, make_station, spoiled
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return make_client()


def issue(client: Client, **changes: Any) -> keys.Issued:
    fields: dict[str, Any] = {"client": client, "at": NOON, "actor": "tests"}
    return keys.issue(**fields | changes)


def revoke(key: ApiKey, **changes: Any) -> ApiKey:
    fields: dict[str, Any] = {"key": key, "reason": "lost", "at": NOON, "actor": "tests"}
    return keys.revoke(**fields | changes)


# ── Issuing and revoking ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_text_of_a_key_is_kept_nowhere(client: Client) -> None:
    issued = issue(client)
    secret = issued.text.rsplit("_", 1)[-1]
    with connection.cursor() as cursor:
        for table in ("partners_apikey", "core_auditevent", "partners_client"):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{secret}%"])  # noqa: S608 - own names
            assert cursor.fetchone() == (0,)
    assert issued.text.startswith(f"fc_live_{issued.key.prefix}_")
    event = AuditEvent.objects.get(kind="client.key-issued")
    assert event.subject_code == "little-bees"
    assert event.data == {"prefix": issued.key.prefix, "expires_at": "2027-06-10T12:00+08:00"}
    assert keys.authenticate(issued.text, at=NOON).key_prefix == issued.key.prefix


def test_a_client_has_two_living_keys_and_changes_over_by_them(client: Client) -> None:
    first, second = issue(client), issue(client)
    with pytest.raises(TwoKeysLive):
        issue(client)
    revoke(first.key)
    third = issue(client)
    for alive in (second, third):
        assert keys.authenticate(alive.text, at=NOON)


def test_an_expired_key_makes_room(client: Client) -> None:
    issue(client, days=1), issue(client, days=1)
    with pytest.raises(TwoKeysLive):
        issue(client)
    assert issue(client, at=NOON + timedelta(days=1))


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_key_lives_a_year_at_most(client: Client, days: int) -> None:
    with pytest.raises(LifeTooLong):
        issue(client, days=days)
    assert issue(client, days=366).key.expires_at == NOON + timedelta(days=366)


def test_a_page_that_saw_other_keys_issues_none(client: Client) -> None:
    issue(client, keys_seen=0)
    with pytest.raises(KeysChangedMeanwhile):
        issue(client, keys_seen=0)
    assert client.keys.count() == 1


def test_revoking_needs_a_reason_is_told_once_and_is_for_good(client: Client) -> None:
    key = issue(client).key
    with pytest.raises(ReasonMissing):
        revoke(key, reason=" ")
    revoke(key)
    again = revoke(key, at=NOON + timedelta(days=1))
    assert again.revoked_at == NOON
    assert AuditEvent.objects.get(kind="client.key-revoked").data["reason"] == "lost"
    for change in ({"revoked_at": None}, {"revoked_at": NOON + timedelta(days=1)}):
        with pytest.raises(IntegrityError, match="stays revoked"), transaction.atomic():
            ApiKey.objects.filter(pk=key.pk).update(**change)


def test_the_database_itself_counts_living_keys_and_years(client: Client) -> None:
    issue(client), issue(client)
    fields = {"client": client, "digest": "0" * 64, "made_at": NOON}
    with pytest.raises(IntegrityError, match="two living keys"), transaction.atomic():
        ApiKey.objects.create(prefix="third", expires_at=NOON + timedelta(days=1), **fields)
    other = {**fields, "client": make_client(code="others")}
    for prefix, expires_at in (("long", NOON + timedelta(days=367)), ("never", NOON)):
        with pytest.raises(IntegrityError, match="expires_within_a_year"), transaction.atomic():
            ApiKey.objects.create(prefix=prefix, expires_at=expires_at, **other)
    dead = ApiKey.objects.create(
        prefix="dead", expires_at=NOON + timedelta(days=1), **{**other, "made_at": NOON - timedelta(days=9)}
    )
    with pytest.raises(IntegrityError, match="two living keys"), transaction.atomic():
        ApiKey.objects.filter(pk=dead.pk).update(client=client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgenabled FROM pg_trigger WHERE tgname = 'guard_keys'")
        assert cursor.fetchone() == ("A",)


# ── Clients ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_leaves_before_and_after(client: Client) -> None:
    facts: dict[str, Any] = {"name": client.name, "contact": client.contact, "divisions": list(client.divisions.all())}
    clients.change(client=client, facts=ClientFacts(**facts, scopes=["uses:write"]), at=NOON, actor="tests")
    changed = AuditEvent.objects.get(kind="client.changed").data["changed"]
    assert changed["scopes"] == {"before": ["confirmations:write", "uses:write"], "after": ["uses:write"]}
    with pytest.raises(DivisionsMissing):
        clients.change(client=client, facts=ClientFacts(**facts | {"divisions": []}, scopes=[]), at=NOON, actor="tests")
    assert client.divisions.count() == 1


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"kind": "test"}, "kind_is_known"),
        ({"scopes": ["stations:write"]}, "scopes_are_known"),
        ({"calls_per_minute": 0}, "calls_1_to_6000"),
        ({"calls_per_minute": 6001}, "calls_1_to_6000"),
    ],
)
def test_the_database_knows_what_a_client_may_be(client: Client, changes: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Client.objects.filter(pk=client.pk).update(**changes)


# ── Being let in ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_way_to_be_refused(client: Client) -> None:
    issued = issue(client)
    text = issued.text
    cases: list[tuple[str, timedelta, type[DomainError]]] = [
        ("", timedelta(0), KeyMalformed),
        (text + " ", timedelta(0), KeyMalformed),
        (text[:-1], timedelta(0), KeyMalformed),
        (text.replace("live", "test"), timedelta(0), KeyMalformed),
        (spoiled(text), timedelta(0), KeyUnknown),
        (text.replace("live", "sandbox"), timedelta(0), KeyUnknown),
        (text.replace(issued.key.prefix, "0000000000"), timedelta(0), KeyUnknown),
        (text, timedelta(days=365), KeyExpired),
    ]
    for shown, later, refusal in cases:
        with pytest.raises(refusal):
            keys.authenticate(shown, at=NOON + later)
    assert keys.authenticate(text, at=NOON + timedelta(days=365, seconds=-1))
    Client.objects.update(is_active=False)
    with pytest.raises(ClientInactive):
        keys.authenticate(text, at=NOON)
    Client.objects.update(is_active=True)
    revoke(issued.key)
    with pytest.raises(KeyRevoked):
        keys.authenticate(text, at=NOON)
    # Who has not the secret is not told that the key was revoked.
    with pytest.raises(KeyUnknown):
        keys.authenticate(spoiled(text), at=NOON)
    # And of all these the one call that was accepted is counted.
    assert list(Counter.objects.filter(name="api").values_list("key", "calls")) == [(client.code, 1)]


def test_the_day_of_the_last_use_is_written_once_a_day(client: Client, django_assert_num_queries: Any) -> None:
    text, unused = issue(client).text, issue(client).key
    midnight = clock.local_midnight(clock.local_date(NOON), days=1)
    with django_assert_num_queries(2):
        keys.authenticate(text, at=NOON)
    with django_assert_num_queries(1):
        keys.authenticate(text, at=midnight - timedelta(seconds=1))
    with django_assert_num_queries(2):
        keys.authenticate(text, at=midnight)
    assert ApiKey.objects.exclude(pk=unused.pk).get().last_used_on == clock.local_date(midnight)
    unused.refresh_from_db()
    assert unused.last_used_on is None


def test_an_unknown_prefix_takes_the_work_of_a_wrong_secret(
    client: Client, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = issue(client).text
    compared: list[tuple[int, int]] = []
    original = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for shown in (spoiled(text), f"fc_live_0000000000_{text[-40:]}"):
        with django_assert_num_queries(1), pytest.raises(KeyUnknown):
            keys.authenticate(shown, at=NOON)
    assert compared == [(64, 64), (64, 64)]


# ── Over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────


def asked(header: str | None) -> Any:
    headers = {} if header is None else {"authorization": header}
    return Browser().get("/api/v1/whoami/", headers=headers)


def test_every_bad_header_has_its_own_code_and_says_bearer(client: Client) -> None:
    text = make_key(client)
    wrong = spoiled(text)
    cases: dict[str, list[str | None]] = {
        "key_missing": [None],
        "authorization_repeated": [f"Bearer {text},Bearer {text}", f"Bearer {text}, Basic eDp5"],
        "key_malformed": ["", "Bearer", "Bearer ", text, f"Basic {text}", f"Bearer {text} x", "Bearer 钥匙".encode().decode("latin-1"), "Bearer " + "x" * 4_000],
        "key_unknown": [f"Bearer {wrong}", f"Bearer fc_live_0000000000_{text[-40:]}"],
    }  # fmt: skip
    for code, headers in cases.items():
        for header in headers:
            response = asked(header)
            assert (response.status_code, response.json()["code"]) == (401, code), header
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            assert response.headers["Content-Type"] == "application/problem+json"
            assert "RateLimit" not in response.headers
    unknown, secret = (asked(header).content for header in cases["key_unknown"])
    assert unknown == secret
    for header in (f"Bearer {text}", f"bearer {text}", f"BEARER   {text}"):
        assert asked(header).status_code == 200


def test_whoami_tells_what_an_integration_needs_first(client: Client) -> None:
    issued = issue(client, at=clock.now())
    said = asked(f"Bearer {issued.text}").json()
    assert said["client"] == {"code": "little-bees", "name": client.name}
    assert (said["kind"], said["divisions"], said["calls_per_minute"]) == ("live", ["420106"], 1_000)
    assert said["scopes"] == ["confirmations:write", "uses:write"]
    assert said["key"]["prefix"] == issued.key.prefix
    assert issued.text not in str(said)


def test_a_revoked_key_and_a_client_switched_off_are_refused_with_the_next_request(client: Client) -> None:
    """T13: nothing is remembered between two requests."""
    station: Station = make_station(at=clock.now())
    first, second = issue(client, at=clock.now()), issue(client, at=clock.now())
    doors = (f"stations/{station.code}/uses/", f"stations/{station.code}/confirmations/")

    def codes(text: str) -> set[str]:
        answers = [Partner(text).get("whoami/"), *(Partner(text).post(door, {"outcome": "x"}) for door in doors)]
        return {answer.json().get("code", "let in") for answer in answers}

    assert codes(first.text) == {"let in", "unknown_member", "invalid_value"}
    revoke(first.key, at=clock.now())
    assert codes(first.text) == {"key_revoked"}
    assert codes(second.text) == {"let in", "unknown_member", "invalid_value"}
    Client.objects.update(is_active=False)
    assert codes(second.text) == {"client_inactive"}
    Client.objects.update(is_active=True, scopes=[])
    assert codes(second.text) == {"let in", "scope_missing"}
    ApiKey.objects.filter(pk=second.key.pk).update(
        made_at=clock.now() - timedelta(days=9), expires_at=clock.now() - timedelta(seconds=1)
    )
    assert codes(second.text) == {"key_expired"}


def test_a_public_look_up_asks_for_no_key_and_takes_no_notice_of_one(django_assert_num_queries: Any) -> None:
    make_amenity()
    for headers in ({}, {"authorization": "Bearer nonsense"}):
        with django_assert_num_queries(2):
            assert Browser().get("/api/v1/amenities/", headers=headers).status_code == 200


# ── Limits (T18) ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_answer_to_a_key_says_where_its_limit_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    partner = Partner(make_key(make_client(calls_per_minute=3)))
    at = clock.now().replace(second=15, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: at)
    seen = [
        partner.get("whoami/"),
        partner.post("stations/WH-NO-0001/uses/", {}),
        partner.post("stations/x/uses/", b"{"),
    ]
    assert [answer.status_code for answer in seen] == [200, 404, 400]
    assert [answer.headers["RateLimit"] for answer in seen] == [f'"calls";r={left};t=45' for left in (2, 1, 0)]
    refused = partner.get("whoami/")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers["RateLimit-Policy"] == '"calls";q=3;w=60'
    assert refused.headers["RateLimit"] == '"calls";r=0;t=45'
    assert refused.headers["Retry-After"] == "45"
    at += timedelta(seconds=45)
    assert partner.get("whoami/").status_code == 200
