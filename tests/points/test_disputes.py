"""不是我领的, decided: the points come back or they do not, and nobody decides on his own hand-over."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.errors import NotFound
from core.models import AuditEvent, Notice, User
from couriers import privacy
from couriers.errors import CourierErased, CourierNotSettled
from couriers.models import Courier
from points import disputes, late, ledger, merging, passes, queue, redemption, stock, verifying
from points.errors import DisputeDecided, NotHandedOver, OwnHandOver, PostingReasonMissing
from points.models import Dispute, Redemption
from points.redemption import Presence
from stations.access import DutyMissing
from stations.models import StaffRole, Station
from tests.builders import NOON, make_courier, make_staff
from tests.databases import own_database
from tests.points.books import PRICE, Books, award, keep_books, op, order
from tests.proving import counted

LATER, ANSWER = NOON + timedelta(days=1), "监控看过了"


@pytest.fixture
def books(db: None) -> Books:  # noqa: ARG001
    return keep_books(points=PRICE)


def office(books: Books, name: str = "wuchang", duties: tuple[str, ...] = ("review",)) -> User:
    return make_staff(name, scope=books.district, duties=duties)


def from_queue(books: Books, steward: User | str = "tests") -> Redemption:
    waiting = redemption.order(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor="self", at=NOON
    )
    queue.join(redemption=waiting, at=NOON)
    return redemption.hand_over(
        redemption=waiting, presence=Presence(in_queue=True), op_id=op(), actor=steward, at=NOON
    )


def at_once(books: Books, steward: User | str = "tests") -> Redemption:
    digits = passes.issue(courier=books.courier, at=NOON)
    return redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, presence=Presence(digits=digits),
        op_id=op(), actor=steward, at=NOON,
    )  # fmt: skip


def decide(dispute: Dispute, ruling: str, actor: User | str, **more: Any) -> Dispute:
    said: dict[str, Any] = {"answer": ANSWER, "op_id": op(), "at": LATER} | more
    return disputes.decide(dispute=dispute, ruling=ruling, actor=actor, **said)


def held(books: Books) -> tuple[int, int]:
    """His points, and the pieces in the cabinet."""
    return ledger.balance_of(books.wallet), stock.on_hand(books.gift, books.station)


@pytest.mark.parametrize("taken", [from_queue, at_once], ids=["from-queue", "at-once"])
def test_upheld_the_points_and_the_piece_come_back_and_he_may_order_again(
    books: Books, taken: Callable[[Books], Redemption]
) -> None:
    before = held(books)
    done = taken(books)
    assert held(books) == (0, before[1] - 1)
    said = disputes.open_dispute(redemption=done, words="不是我领的", at=NOON)
    wish, actor = op(), office(books)
    for _tap in range(2):
        decided = decide(said, "upheld", actor, op_id=wish)
        assert (decided.ruling, decided.decided_by) == ("upheld", "wuchang")
    assert held(books) == before
    done.refresh_from_db()
    assert done.status == "returned"
    assert done.returned is not None
    assert done.returned.reverses == done.ordered
    assert taken(books).status == "handed-over"


def test_only_what_is_handed_over_is_disputed(books: Books) -> None:
    waiting = order(books)
    as_read = [Redemption.objects.get()]
    redemption.cancel(redemption=waiting, reason="不要了", op_id=op(), actor="self", at=NOON)
    as_read += [Redemption.objects.get(), at_once(books)]
    redemption.undo_hand_over(redemption=as_read[-1], reason="发错了", op_id=op(), actor="office", at=NOON)
    for each, found in zip(as_read, ("cancelled", "cancelled", "returned"), strict=True):
        with pytest.raises(NotHandedOver) as refusal:
            disputes.open_dispute(redemption=each, words="", at=NOON)
        assert refusal.value.data == {"found": found}
    assert disputes.open_dispute(redemption=at_once(books), words="", at=NOON).ruling == "open"


def test_dismissed_everything_stays(books: Books) -> None:
    done = from_queue(books)
    said = disputes.open_dispute(redemption=done, words="不" * 201, at=NOON)
    assert said.words == "不" * 200
    as_read = Dispute.objects.get()
    clerk = office(books)
    decide(said, "dismissed", clerk)
    done.refresh_from_db()
    assert (done.status, held(books)[0]) == ("handed-over", 0)
    # Whoever says it again in other words, or is another, is told that it was said.
    for ruling, actor, answer in (
        ("upheld", clerk, ANSWER),
        ("dismissed", clerk, "x"),
        ("dismissed", "office", ANSWER),
    ):
        with pytest.raises(DisputeDecided):
            decide(as_read, ruling, actor, answer=answer)


def test_whoever_had_a_hand_in_it_does_not_decide(books: Books) -> None:
    steward, witness, third = (
        office(books, name, ("manage", "review", "counter")) for name in ("steward", "witness", "third")
    )
    presence = Presence(witness=witness, reason="手机没电")
    done = redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, presence=presence, op_id=op(),
        actor=steward, at=NOON,
    )  # fmt: skip
    said = disputes.open_dispute(redemption=done, words="", at=NOON)
    for one in (steward, witness):
        with pytest.raises(OwnHandOver):
            decide(said, "dismissed", one)
    assert Notice.objects.get(matter__startswith="dispute.opened").recipients == ["third"]
    assert decide(said, "dismissed", third).decided_by == "third"
    counted("T19", "disputes decided by who handed over or signed", asked=2, decided=0)


@pytest.mark.parametrize(
    ("scope", "duties", "refusal"),
    [("station", ["counter"], NotFound), ("station", ["manage"], NotFound), ("street", ["manage", "review"], NotFound), ("other", ["review"], NotFound), ("district", ["audit"], DutyMissing)],
    ids=["counter", "keeper-of-the-station", "street", "other-district", "auditor"],
)  # fmt: skip
def test_only_the_districts_office_decides(books: Books, scope: str, duties: list[str], refusal: Any) -> None:
    said = disputes.open_dispute(redemption=from_queue(books), words="", at=NOON)
    place: Any = {
        "station": books.station, "street": books.station.division, "other": books.other, "district": books.district
    }[scope]  # fmt: skip
    with pytest.raises(refusal):
        decide(said, "dismissed", make_staff("somebody", scope=place, duties=duties))
    with pytest.raises(PostingReasonMissing):
        decide(said, "dismissed", office(books), answer="  ")
    assert decide(said, "dismissed", User.objects.get(username="wuchang")).ruling == "dismissed"


def test_where_the_office_itself_is_involved_the_city_is_told(books: Books) -> None:
    make_staff("city", scope=books.district.parent, duties=["review"])
    make_staff("elsewhere", scope=books.other)
    clerk = office(books, "clerk", ("manage",))
    disputes.open_dispute(redemption=from_queue(books, clerk), words="", at=NOON)
    assert Notice.objects.get(matter__startswith="dispute.opened").recipients == ["city"]


def test_those_are_told_who_may_decide_now(books: Books) -> None:
    for name in ("until-tomorrow", "until-now", "from-tomorrow", "gone"):
        office(books, name)
    office(books, "counter", ("counter", "audit"))
    roles = StaffRole.objects.all()
    roles.filter(user__username="until-tomorrow").update(ends_at=LATER)
    roles.filter(user__username="until-now").update(ends_at=NOON)
    roles.filter(user__username="from-tomorrow").update(starts_at=LATER)
    User.objects.filter(username="gone").update(is_active=False)
    disputes.open_dispute(redemption=from_queue(books), words="", at=NOON)
    assert Notice.objects.get(matter__startswith="dispute.opened").recipients == ["until-tomorrow"]


def test_of_a_merged_profile_the_points_go_to_the_one_that_goes_on(books: Books) -> None:
    said = disputes.open_dispute(redemption=from_queue(books), words="", at=NOON)
    kept = make_courier()
    merging.merge(kept=kept, duplicate=books.courier, reason="同一个人", op_id=op(), actor="tests", at=NOON)
    decide(said, "upheld", "office")
    assert ledger.balance_of(ledger.wallet(kept)) == PRICE
    assert ledger.balance_of(books.wallet) == 0


@pytest.mark.parametrize("merged", [False, True])
def test_nobody_is_erased_while_a_dispute_of_his_is_open(books: Books, *, merged: bool) -> None:
    said, whom = disputes.open_dispute(redemption=from_queue(books), words="", at=NOON), books.courier
    if merged:
        whom = merging.merge(
            kept=make_courier(), duplicate=books.courier, reason="同一个人", op_id=op(), actor="tests", at=NOON
        )
    # Why is told to himself and to his office, and not to whom he accuses.
    for actor, is_told in (("self", True), (office(books), True), ("tests", False)):
        with pytest.raises(CourierNotSettled) as refusal:
            privacy.erase(courier=whom, reason="本人要求", actor=actor, at=NOON)
        assert ("异议" in str(refusal.value.detail)) == is_told
    decide(said, "upheld", "office")
    assert ledger.balance_of(ledger.wallet(whom)) == PRICE
    assert privacy.erase(courier=whom, reason="本人要求", actor="tests", at=NOON).is_erased
    assert ledger.balance_of(ledger.wallet(whom)) == 0


@pytest.mark.parametrize("merged", [False, True])
def test_whoever_is_erased_meanwhile_disputes_nothing(books: Books, *, merged: bool) -> None:
    done, whom = at_once(books), books.courier
    if merged:
        whom = merging.merge(
            kept=make_courier(), duplicate=books.courier, reason="同一个人", op_id=op(), actor="tests", at=NOON
        )
    # As his own page had read it before.
    done = Redemption.objects.select_related("courier__merged_into").get(pk=done.pk)
    privacy.erase(courier=whom, reason="本人申请", actor="tests", at=NOON)
    with pytest.raises(CourierErased):
        disputes.open_dispute(redemption=done, words="不是我领的", at=NOON)
    assert not Dispute.objects.exists()


def test_the_books_agree_afterwards_and_a_false_return_is_named(django_db_setup: None, django_db_blocker: Any) -> None:  # noqa: ARG001
    with django_db_blocker.unblock(), own_database():
        books = keep_books(points=3 * PRICE)
        for taken, ruling in ((from_queue, "upheld"), (at_once, "upheld"), (at_once, "dismissed")):
            said = disputes.open_dispute(redemption=taken(books), words="", at=NOON)
            decide(said, ruling, "office")
        assert list(verifying.verify_ledger()) == []
        returned = Redemption.objects.filter(status="returned").first()
        honest = Redemption.objects.get(status="handed-over")
        assert returned is not None
        with connection.cursor() as cursor:  # a row that says it was given back, by a reversal of something else
            cursor.execute(
                "UPDATE points_redemption SET returned_id = NULL, status = 'handed-over' WHERE id = %s", [returned.pk]
            )
            cursor.execute(
                "UPDATE points_redemption SET returned_id = %s, status = 'returned' WHERE id = %s",
                [returned.returned_id, honest.pk],
            )
        assert {violation.invariant for violation in verifying.verify_ledger()} == {"I7"}


# ── At the desk ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_district_sees_it_and_decides_and_the_station_sees_nothing(books: Books, client: Client) -> None:
    said = disputes.open_dispute(redemption=from_queue(books), words="不是我领的", at=NOON)
    page = reverse("admin:points_dispute_change", args=[said.pk])
    deciding = reverse("admin:points_dispute_decide", args=[said.pk])
    client.force_login(make_staff("keeper", scope=books.station, duties=["counter", "manage"]))
    assert client.get(reverse("admin:points_dispute_changelist")).status_code == 403
    assert [client.get(address).status_code for address in (page, deciding)] == [403, 403]
    client.force_login(make_staff("qiaokou", scope=books.other, duties=["manage", "review"]))
    assert client.get(deciding).status_code == 404
    client.force_login(office(books))
    assert "不是我领的" in client.get(page).text
    form = client.get(deciding).context["form"]
    posted = {"op_id": form.initial["op_id"], "ruling": "upheld", "answer": "情况属实"}
    assert client.post(deciding, posted | {"answer": ""}).status_code == 200
    assert Dispute.objects.get().ruling == "open"
    assert client.post(deciding, posted).status_code == 302
    assert client.post(deciding, posted).status_code == 302
    assert (Dispute.objects.get().ruling, held(books)[0]) == ("upheld", PRICE)
    assert "returned" in client.get(reverse("admin:points_redemption_change", args=[said.redemption_id])).text


def test_what_came_from_a_paper_form_names_it_as_the_proof(books: Books, client: Client) -> None:
    Station.objects.update(created_at=NOON - timedelta(days=90))
    Courier.objects.update(registered_at=NOON - timedelta(days=60))
    books.station.refresh_from_db()
    li, wang = (make_staff(name, scope=books.station, duties=["counter"]) for name in ("li", "wang"))
    form_no = late.new_form_no(books.station, at=NOON)
    entered = late.record(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, happened_at=NOON, form_no=form_no,
        form_line=3, witness=wang, op_id=op(), actor=li, at=LATER,
    )  # fmt: skip
    said = disputes.open_dispute(redemption=entered, words="", at=LATER)
    client.force_login(office(books))
    shown = client.get(reverse("admin:points_dispute_change", args=[said.pk])).text
    assert f"离线登记表 {form_no} 第3行，wang也签了字" in shown


def test_the_accused_finds_nothing_of_it_and_his_colleague_all(books: Books, client: Client) -> None:
    award(books, PRICE)
    duties = ("manage", "review", "audit", "counter")
    steward, witness, colleague = (office(books, name, duties) for name in ("steward", "witness", "colleague"))
    city = make_staff("city")
    said = [
        disputes.open_dispute(redemption=taken, words="站长没给我", at=NOON)
        for taken in (
            redemption.redeem(
                courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor=hand,
                presence=Presence(witness=witness, reason="手机没电"), at=NOON,
            )
            for hand in (steward, city)
        )
    ]  # fmt: skip
    seen = {reader.username: _seen(client, reader, said) for reader in (steward, witness, colleague, city)}
    nothing, all_of_it = (404, 404, False), (200, 200, True)
    assert seen == {
        "steward": [nothing, all_of_it],
        "witness": [nothing, nothing],
        "colleague": [all_of_it, all_of_it],
        "city": [all_of_it, nothing],
    }


def _seen(client: Client, reader: User, said: list[Dispute]) -> list[tuple[int, int, bool]]:
    """Of each dispute: its page, the page to decide it, and whether the list names it."""
    client.force_login(reader)
    listed = client.get(reverse("admin:points_dispute_changelist")).text
    return [
        (
            client.get(reverse("admin:points_dispute_change", args=[each.pk])).status_code,
            client.get(reverse("admin:points_dispute_decide", args=[each.pk])).status_code,
            each.redemption.code in listed,
        )
        for each in said
    ]


def test_the_trail_of_the_district_is_silent_until_it_is_decided(books: Books, client: Client) -> None:
    def told(reader: User) -> set[str]:
        client.force_login(reader)
        shown = client.get(reverse("admin:core_auditevent_changelist")).context["cl"].result_list
        return {event.kind for event in shown if event.kind.startswith("dispute.")}

    steward, city = office(books, "steward", ("manage", "audit", "counter")), make_staff("city")
    said = disputes.open_dispute(redemption=from_queue(books, steward), words="", at=NOON)
    assert (told(steward), told(city)) == (set(), {"dispute.opened"})
    assert decide(said, "dismissed", office(books)).decided_at == LATER
    assert (told(steward), told(city)) == ({"dispute.dismissed"}, {"dispute.opened", "dispute.dismissed"})
    assert AuditEvent.objects.get(kind="dispute.dismissed").data["reason"] == ANSWER
