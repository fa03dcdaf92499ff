"""Registering couriers, meeting them, and what happens when phones and employers change."""

from typing import Any

import pytest
from django.db import IntegrityError, connection

from core.errors import InvalidValue, NotFound
from core.limits import TooMany
from core.models import AuditEvent, User
from couriers import consents, devices, finding, membership, privacy, registration, sealing
from couriers.errors import (
    CourierBlocked,
    CourierErased,
    CourierNotFound,
    PhoneTaken,
    ReasonMissing,
)
from couriers.models import Consent, Courier
from couriers.phones import mask_name, mask_phone, read_phone
from couriers.registration import Agreement, Newcomer, Work
from stations.access import DutyMissing
from stations.models import Division
from tests.builders import (
    NOON,
    make_company,
    make_courier,
    make_district,
    make_outlet,
    make_staff,
    make_station,
    make_subdistrict,
)

pytestmark = pytest.mark.django_db

PHONE = "13800001234"


@pytest.fixture
def clerk() -> User:
    return make_staff("wuchang", scope=make_district())


@pytest.fixture
def steward() -> User:
    """Of a station in another district."""
    qiaokou = make_district(code="420104", name="硚口区", letters="QK")
    street = make_subdistrict(code="420104009", name="韩家墩街道", district=qiaokou)
    return make_staff("steward", scope=make_station(division=street, code="WH-QK-0001"), duties=["counter"])


@pytest.fixture
def viewer() -> User:
    return make_staff("viewer", scope=make_district(), duties=["view"])


def trail(courier: Courier) -> list[str]:
    return list(
        AuditEvent.objects.filter(subject_code=courier.code).order_by("id").values_list("kind", flat=True)
    )  # fmt: skip


# ── Phones ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [PHONE, "+8613800001234", "86 138 0000 1234", "0086-138-0000-1234", "(+86)138 0000 1234", "１３８００００１２３４"],
)
def test_a_phone_has_one_form_however_it_is_written(text: str) -> None:
    assert read_phone(text) == "+8613800001234"


@pytest.mark.parametrize(
    "text", ["", "12800001234", "1380000123", "138000012345", "+1 2025550123", "1380000123a", "١٣٨٠٠٠٠١٢٣٤"]
)
def test_what_is_no_phone_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_phone(text)
    assert caught.value.data == {"parameter": "phone", "value": ""}


def test_masks() -> None:
    assert (mask_phone("+8613812341234"), mask_name("张三丰"), mask_name("张"), mask_name("")) == (
        "138****1234", "张*", "张*", "",
    )  # fmt: skip


# ── Registering ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_by_himself_he_waits_to_be_met_and_nothing_personal_is_legible() -> None:
    courier = make_courier(phone=PHONE, name="张三丰", pin="739214")
    assert (courier.status, courier.channel, courier.registered_by) == ("unverified", "self", "self")
    assert privacy.masked(courier) == privacy.Person("张*", "138****1234")
    with connection.cursor() as cursor:
        for table in ("couriers_courier", "core_auditevent", "couriers_consent"):
            cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608 - own names
            text = "".join(row for (row,) in cursor.fetchall())
            for secret in (PHONE, "张三丰", "张三丰".encode().hex(), PHONE.encode().hex(), "739214"):
                assert secret not in text, table
    consent = courier.consents.get()
    assert (consent.purpose, consent.act, consent.notice_sha256) == (
        "membership", "given", consents.membership_notice().sha256,
    )  # fmt: skip
    assert trail(courier) == ["courier.registered", "courier.consent-given"]


def test_staff_have_met_whom_they_register(clerk: User) -> None:
    courier = make_courier(actor=clerk)
    assert (courier.status, courier.verified_by, courier.verified_at) == ("active", "wuchang", NOON)


def test_a_name_can_be_left_out() -> None:
    courier = make_courier(name="  ")
    assert courier.name_sealed is None
    assert privacy.masked(courier).name == ""


def test_one_phone_is_registered_once_and_nothing_is_written() -> None:
    make_courier(phone=PHONE)
    before = (Courier.objects.count(), Consent.objects.count(), AuditEvent.objects.count())
    with pytest.raises(PhoneTaken) as caught:
        make_courier(phone=f"+86 {PHONE}")
    assert caught.value.data == {}
    assert str(caught.value.way_out) in str(caught.value)
    assert (Courier.objects.count(), Consent.objects.count(), AuditEvent.objects.count()) == before


def test_the_index_refuses_what_a_race_lets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both looked before either wrote; the unique index is the referee."""
    make_courier(phone=PHONE)
    monkeypatch.setattr("couriers.sealing.indexes", lambda _phone: [])
    before, own = sealing.index, Courier.objects.get().phone_index
    monkeypatch.setattr("couriers.sealing.index", lambda _phone: own)
    with pytest.raises(PhoneTaken):
        make_courier(phone=PHONE)
    monkeypatch.setattr("couriers.sealing.index", before)


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"phone": "123"}, "phone"),
        ({"name": "x" * 41}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"pin": "12345"}, "pin"),
        ({"kind": "walker"}, "kind"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], parameter: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        make_courier(**changes)
    assert caught.value.parameter == parameter
    assert not Courier.objects.exists()
    make_courier(name="x" * 40)


def test_he_belongs_to_a_whole_district() -> None:
    with pytest.raises(InvalidValue) as caught:
        make_courier(district=make_subdistrict())
    assert caught.value.parameter == "division"
    make_courier()


def listed(*phones: str, actor: User | str = "tests", district: Division | None = None) -> list[Courier]:
    newcomers = [
        Newcomer(phone=phone, work=Work(kind="express"), district=district or make_district(), agreed_at=NOON)
        for phone in phones
    ]
    agreement = Agreement(consents.membership_notice(), Consent.Channel.PAPER)
    return registration.register_listed(newcomers, agreement=agreement, actor=actor, at=NOON)


def test_he_belongs_to_a_district() -> None:
    street = make_subdistrict()
    for register in (lambda: make_courier(district=street), lambda: listed(PHONE, district=street)):
        with pytest.raises(InvalidValue) as refused:
            register()
        assert refused.value.parameter == "division"


def test_a_list_is_taken_in_where_staff_have_a_duty_whole_or_not_at_all(clerk: User, viewer: User) -> None:
    qiaokou = make_district(code="420104", name="硚口区", letters="QK")
    for actor, district, refusal in ((clerk, qiaokou, NotFound), (viewer, make_district(), DutyMissing)):
        with pytest.raises(refusal):
            listed(PHONE, actor=actor, district=district)
    make_courier(phone=PHONE)
    with pytest.raises(PhoneTaken):
        listed("13900005678", PHONE, actor=clerk)
    assert Courier.objects.count() == 1
    [courier] = listed("13900005678", actor=clerk)
    assert (courier.status, courier.registered_by) == ("unverified", "wuchang")


def test_a_number_is_not_called_taken_for_another_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    code = make_courier().code
    monkeypatch.setattr(membership, "free_code", lambda: code)
    with pytest.raises(IntegrityError):
        make_courier()


def test_an_outlet_brings_its_brand_and_lies_in_the_district() -> None:
    outlet = make_outlet()
    assert make_courier(outlet=outlet).company == outlet.company
    with pytest.raises(InvalidValue):
        make_courier(outlet=outlet, district=make_district(code="420104", name="硚口区", letters="QK"))
    with pytest.raises(InvalidValue):
        registration.register(
            phone=PHONE, work=Work(kind="express", outlet=outlet, company=make_company("京东")),
            district=make_district(), channel="self", agreement=Agreement(consents.membership_notice(), "page"),
            actor="self", at=NOON,
        )  # fmt: skip


def test_staff_register_where_they_have_a_duty(clerk: User, steward: User, viewer: User) -> None:
    qiaokou = make_district(code="420104", name="硚口区", letters="QK")
    assert make_courier(actor=steward, district=qiaokou).division == qiaokou
    assert make_courier(actor=make_staff("jiedao", scope=make_subdistrict()))
    on_paper = Agreement(consents.membership_notice(), "paper")
    for actor, district, refusal in (
        (steward, make_district(), NotFound),
        (clerk, qiaokou, NotFound),
        (viewer, make_district(), DutyMissing),
    ):
        with pytest.raises(refusal):
            make_courier(actor=actor, district=district)
        listed = registration.Newcomer(phone=PHONE, work=Work(kind="express"), district=district, agreed_at=NOON)
        with pytest.raises(refusal):
            registration.register_listed([listed], agreement=on_paper, actor=actor, at=NOON)


# ── Met, blocked, unblocked ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_steward_of_any_district_meets_him_once(steward: User, viewer: User) -> None:
    courier = make_courier()
    with pytest.raises(DutyMissing):
        registration.verify(courier=courier, actor=viewer, at=NOON)
    for _twice in range(2):
        courier = registration.verify(courier=courier, actor=steward, at=NOON)
        assert (courier.status, courier.verified_by) == ("active", "steward")
    assert trail(courier).count("courier.verified") == 1


def test_blocked_for_a_reason_by_his_own_district(clerk: User, steward: User) -> None:
    courier = make_courier()
    given: dict[str, Any] = {"courier": courier, "at": NOON}
    for reason in (" ", "\x00\n", "\ud800"):
        with pytest.raises(ReasonMissing):
            registration.block(**given, reason=reason, actor=clerk)
    with pytest.raises(NotFound):
        registration.block(**given, reason="冒领", actor=steward)
    assert registration.block(**given, reason="冒领", actor=clerk).blocked_reason == "冒领"
    assert registration.block(**given, reason="第二次", actor=clerk).blocked_reason == "冒领"
    with pytest.raises(CourierBlocked):
        registration.verify(courier=courier, actor=clerk, at=NOON)
    with pytest.raises(NotFound):
        registration.unblock(**given, reason="查清了", actor=steward)
    with pytest.raises(ReasonMissing):
        registration.unblock(**given, reason=" ", actor=clerk)
    assert registration.unblock(**given, reason="查清了", actor=clerk).status == "unverified"
    registration.verify(courier=courier, actor=clerk, at=NOON)
    registration.block(**given, reason="又一次", actor=clerk)
    for _twice in range(2):
        assert registration.unblock(**given, reason="又查清了", actor=clerk).status == "active"
    told = AuditEvent.objects.filter(kind__in=["courier.blocked", "courier.unblocked"]).order_by("id")
    assert [event.data for event in told] == [
        {"before": "unverified", "after": "blocked", "reason": "冒领"},
        {"before": "blocked", "after": "unverified", "reason": "查清了"},
        {"before": "active", "after": "blocked", "reason": "又一次"},
        {"before": "blocked", "after": "active", "reason": "又查清了"},
    ]


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_number_finds_him_and_the_old_one_does_not(clerk: User, viewer: User) -> None:
    courier = make_courier(phone=PHONE)
    with pytest.raises(DutyMissing):
        registration.change_phone(courier=courier, phone="13900005678", actor=viewer, at=NOON)
    membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    devices.sign_in(courier=courier, kind="iphone", at=NOON)
    registration.change_phone(courier=courier, phone="13900005678", actor=clerk, at=NOON)
    assert finding.by_phone("13900005678", actor=clerk, at=NOON) == courier
    with pytest.raises(CourierNotFound):
        finding.by_phone(PHONE, actor=clerk, at=NOON)
    assert not courier.pin_resets.exists()
    assert not courier.devices.exists()
    assert trail(courier).count("courier.phone-changed") == 1
    assert make_courier(phone=PHONE)


def test_a_number_given_out_anew_leaves_the_old_profile(clerk: User, steward: User) -> None:
    old, new = make_courier(phone=PHONE, pin="739214"), make_courier(phone="13900005678")
    # On the number that is somebody else's now.
    membership.reset_pin_link(courier=old, actor=clerk, at=NOON)
    signed_in = devices.sign_in(courier=old, kind="android", at=NOON)
    given: dict[str, Any] = {"courier": new, "phone": PHONE, "at": NOON}
    with pytest.raises(PhoneTaken):
        registration.change_phone(**given, actor=steward)
    with pytest.raises(PhoneTaken):
        registration.change_phone(**given, actor="self", takes_over_because="it is mine now")
    with pytest.raises(ReasonMissing):
        registration.change_phone(**given, actor=steward, takes_over_because=" ")
    registration.change_phone(**given, actor=steward, takes_over_because="当面拨打,是他接的")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.phone_index, old.phone_sealed) == (None, None)
    assert not old.pin_resets.exists()
    assert devices.device_of(signed_in, at=NOON) is None
    assert privacy.masked(new).phone == "138****1234"
    event = AuditEvent.objects.get(kind="courier.phone-taken-off")
    assert (event.subject_code, event.data) == (old.code, {"fields": ["mobile phone"], "reason": "当面拨打,是他接的"})
    # His card and PIN go on.
    membership.check_pin(courier=old, pin="739214", at=NOON)
    assert finding.by_code(old.code) == old


def test_who_registers_with_a_number_given_out_anew(clerk: User) -> None:
    old = make_courier(phone=PHONE)
    new = make_courier(phone=PHONE, actor=clerk, takes_over_because="运营商收回后重新放号")
    old.refresh_from_db()
    assert old.phone_index is None
    assert finding.by_phone(PHONE, actor=clerk, at=NOON) == new


def test_taking_over_ones_own_number_changes_nothing_else(clerk: User) -> None:
    courier = make_courier(phone=PHONE)
    registration.change_phone(courier=courier, phone=PHONE, actor=clerk, at=NOON, takes_over_because="x")
    # Nor does one that nobody has.
    registration.change_phone(courier=courier, phone="13900005678", actor=clerk, at=NOON, takes_over_because="x")
    assert not AuditEvent.objects.filter(kind="courier.phone-taken-off").exists()


def test_a_name_that_was_written_wrongly(clerk: User, steward: User) -> None:
    courier = make_courier(name="张小蜂")
    with pytest.raises(NotFound):
        registration.correct_name(courier=courier, name="章小蜂", actor=steward, at=NOON)
    registration.correct_name(courier=courier, name="  章小蜂 ", actor=clerk, at=NOON)
    assert privacy.reveal(courier=courier, reason="核对", actor=clerk, at=NOON).name == "章小蜂"
    event = AuditEvent.objects.get(kind="courier.changed")
    assert (event.actor, event.data) == (clerk, {"fields": ["full name"]}), "neither name stays in the trail"


# ── Work, and finding ───────────────────────────────────────────────────────────────────────────────────────────────


def test_another_employer(clerk: User, steward: User) -> None:
    courier, outlet = make_courier(), make_outlet(company=make_company("京东"))
    work = Work(kind="food-delivery", outlet=outlet)
    with pytest.raises(NotFound):
        registration.change_work(courier=courier, work=work, actor=steward, at=NOON)
    for _twice in range(2):
        courier = registration.change_work(courier=courier, work=work, actor=clerk, at=NOON)
        assert (courier.kind, courier.company, courier.outlet) == ("food-delivery", outlet.company, outlet)
    assert AuditEvent.objects.get(kind="courier.changed").data["changed"] == {
        "kind": {"before": "express", "after": "food-delivery"},
        "company": {"before": "", "after": "京东"},
        "outlet": {"before": "", "after": outlet.name},
    }


def test_a_phone_is_looked_up_in_ones_own_district_counted_and_on_record(clerk: User, steward: User) -> None:
    courier = make_courier(phone=PHONE)
    assert finding.by_phone(PHONE, actor=clerk, at=NOON) == courier
    with pytest.raises(CourierNotFound):
        finding.by_phone(PHONE, actor=steward, at=NOON)
    with pytest.raises(InvalidValue):
        finding.by_phone("138", actor=clerk, at=NOON)
    assert [
        (event.actor_name, event.subject_code) for event in AuditEvent.objects.filter(kind="courier.looked-up")
    ] == [("steward", "—"), ("wuchang", courier.code)]
    street = make_staff("jiedao", scope=make_subdistrict(), duties=["counter"])
    door = make_staff("door", scope=make_station(), duties=["counter"])
    assert finding.by_phone(PHONE, actor=street, at=NOON) == finding.by_phone(PHONE, actor=door, at=NOON) == courier
    for _each in range(finding.LOOK_UPS_A_DAY.calls - 1):
        finding.by_phone(PHONE, actor=clerk, at=NOON)
    with pytest.raises(TooMany):
        finding.by_phone(PHONE, actor=clerk, at=NOON)


def test_each_verb_asks_for_its_duty(clerk: User, steward: User, viewer: User) -> None:
    courier = make_courier(phone="13900005678")
    counter = make_staff("counter", scope=make_district(), duties=["counter"])
    for verb, more, at_desk in (
        (registration.verify, {}, False),
        (registration.change_phone, {"phone": PHONE}, False),
        (membership.reset_pin_link, {}, False),
        (membership.replace_card, {"reason": "x"}, False),
        (registration.correct_name, {"name": "王小二"}, True),
        (registration.change_work, {"work": Work(kind="express")}, True),
        (registration.block, {"reason": "x"}, True),
        (registration.unblock, {"reason": "x"}, True),
        (privacy.reveal, {"reason": "x"}, True),
        (privacy.access_copy, {"reason": "x"}, True),
        (privacy.erase, {"reason": "x"}, True),
    ):
        for actor, refusal in (
            (viewer, DutyMissing),
            *(((counter, DutyMissing), (steward, NotFound)) if at_desk else ()),
        ):
            with pytest.raises(refusal):
                verb(courier=courier, actor=actor, at=NOON, **more)
        verb(courier=courier, actor=clerk if at_desk else counter, at=NOON, **more)
        courier.refresh_from_db()


def test_who_was_erased_is_past_every_verb(clerk: User) -> None:
    courier = make_courier()
    privacy.erase(courier=courier, reason="本人申请", actor=clerk, at=NOON)
    by: dict[str, Any] = {"courier": courier, "actor": clerk, "at": NOON}
    for verb, more in (
        (registration.verify, {}),
        (registration.block, {"reason": "x"}),
        (registration.unblock, {"reason": "x"}),
        (registration.change_phone, {"phone": PHONE}),
        (registration.correct_name, {"name": "王小二"}),
        (registration.change_work, {"work": Work(kind="express")}),
        (membership.set_pin, {"pin": "739214"}),
        (membership.reset_pin_link, {}),
        (membership.replace_card, {"reason": "x"}),
        (privacy.reveal, {"reason": "x"}),
        (privacy.erase, {"reason": "x"}),
        (privacy.access_copy, {"reason": "x"}),
    ):
        with pytest.raises(CourierErased):
            verb(**by, **more)
