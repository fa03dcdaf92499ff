"""T12 at the doors of the API: trying phones and codes one by one finds nobody, through any door."""

import random

import pytest

from core.models import AuditEvent
from couriers import consents
from couriers.codes import ALPHABET, check_symbol
from couriers.finding import LOOK_UPS_A_DAY
from couriers.models import Courier
from partners.models import Scope
from tests.builders import make_client, make_courier, make_district, make_key
from tests.proving import counted, times
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db

KNOWN = 50


@pytest.fixture
def bees() -> Partner:
    """A program that may do everything, as often as a program may."""
    return Partner(make_key(make_client(code="bees", scopes=Scope.values, calls_per_minute=6_000)))


@pytest.fixture
def town() -> list[Courier]:
    """Couriers of the program's own district, every tenth number, who did not agree to be known to it."""
    return [make_courier(phone=f"1541000{number * 10:04}") for number in range(KNOWN)]


@pytest.mark.usefixtures("town")
def test_going_through_phones_finds_nobody(bees: Partner) -> None:
    tries, finds, told = times(260, 10_000), 0, 0
    for number in range(tries):
        answer = bees.post("couriers/look-up/", {"phone": f"1541{number:07}"})
        finds += answer.status_code == 201
        told += answer.status_code not in {404, 429}
    assert (finds, told) == (0, 0)
    # As many as are allowed were looked for, and each has left its trace.
    assert AuditEvent.objects.filter(kind="courier.looked-up").count() == min(tries, LOOK_UPS_A_DAY.calls)
    counted("T12", "phones gone through by a program", phones=tries, finds=finds)


@pytest.mark.usefixtures("town", "stopped_clock")
def test_registering_what_is_taken_is_counted_like_a_look_up(bees: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "couriers.finding.LOOK_UPS_A_DAY", type(LOOK_UPS_A_DAY)("courier-look-up", calls=5, window_s=86_400)
    )
    wish = {
        "kind": "express",
        "district": "420106",
        "notice_version": consents.membership_notice().version,
        "shares": True,
    }
    statuses = [
        bees.post("couriers/", wish | {"phone": f"1541000{number * 10:04}"}, once=str(number)).json()["code"]
        for number in range(8)
    ]
    assert statuses == ["phone_taken"] * 5 + ["too_many_requests"] * 3
    # Nor does another refusal tell it: not one that comes first, and not that of a key for something else.
    taken, free = {"phone": "15410000000"}, {"phone": "15499990000"}
    for other in ({"notice_version": "old"}, {"district": "420199"}, {"company": "none"}, {"pin": "123456"}):
        answers = [bees.post("couriers/", wish | other | phone) for phone in (taken, free)]
        assert answers[0].content == answers[1].content, other
        assert answers[0].json()["code"] != "too_many_requests"
    for phone in (taken, free):
        assert bees.post("couriers/", wish | phone, once="1").json()["code"] == "idempotency_key_reused"
    # Who registers new couriers is not held up.
    assert bees.post("couriers/", wish | free).status_code == 201


def test_going_through_codes_finds_nobody(bees: Partner, town: list[Courier]) -> None:
    tries, finds, different = times(300, 100_000), 0, 0
    rng = random.Random(7)
    make_district()
    doors = ("couriers/{}/", "couriers/{}/account/", "couriers/{}/entries/", "redemptions/{}/")
    missing: dict[str, bytes] = {}
    for number in range(tries):
        body = "".join(rng.choices(ALPHABET, k=10))
        door = doors[number % len(doors)]
        answer = bees.get(door.format(body + check_symbol(body)))
        finds += answer.status_code == 200
        if answer.status_code == 404:
            different += missing.setdefault(door, answer.content) != answer.content
    # Whom it may not know is as good as nobody.
    for courier in town:
        different += bees.get(f"couriers/{courier.code}/").content != missing[doors[0]]
    assert (finds, different) == (0, 0)
    counted("T12", "codes gone through by a program", codes=tries, finds=finds, told_from_missing=different)
