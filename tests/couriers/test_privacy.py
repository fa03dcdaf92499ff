"""Sealed, masked, revealed for a reason, copied for its owner, erased, and re-keyed."""

import base64
import io
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from core import clock
from core.errors import NotFound
from core.limits import TooMany
from core.models import AuditEvent, User
from couriers import consents, devices, finding, membership, privacy, registration, sealing
from couriers.checks import keys_are_given
from couriers.errors import CourierErased, CourierNotSettled, PhoneTaken, ReasonMissing
from couriers.models import Courier, Device, Erasure
from couriers.privacy import Person, Rotated
from couriers.registration import Agreement, Newcomer, Work
from couriers.sealing import SealBroken
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_district, make_outlet, make_staff, make_subdistrict

pytestmark = pytest.mark.django_db

PHONE, NAME = "13800001234", "张三丰"


def key(length: int = 64) -> str:
    return base64.b64encode(os.urandom(length)).decode()


@pytest.fixture
def clerk() -> User:
    return make_staff("wuchang", scope=make_district())


@pytest.fixture
def courier() -> Courier:
    return make_courier(phone=PHONE, name=NAME, outlet=make_outlet(), pin="739214")


# ── Sealing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_equal_texts_look_different_and_open_alike() -> None:
    one, other = (sealing.sealed(NAME, column="name") for _each in range(2))
    assert one != other
    assert one[0] == 1
    assert sealing.opened(one, column="name") == sealing.opened(memoryview(other), column="name") == NAME


def test_what_was_changed_moved_or_is_of_another_key_does_not_open(settings: Any) -> None:
    value = sealing.sealed(NAME, column="name")
    for place in range(len(value)):
        spoiled = value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        with pytest.raises(SealBroken):
            sealing.opened(spoiled, column="name")
    for wrong in (b"", value[:1], value[:17], value[:-1]):
        with pytest.raises(SealBroken):
            sealing.opened(wrong, column="name")
    with pytest.raises(SealBroken):
        sealing.opened(value, column="phone")
    settings.COURIER_KEYS = f"1:{key()}"
    with pytest.raises(SealBroken):
        sealing.opened(value, column="name")


@pytest.mark.parametrize(
    ("seals", "index"),
    [
        ("", ""),
        (f"1:{key()}", ""),
        ("", key()),
        (key(), key()),
        (f"0:{key()}", key()),
        (f"256:{key()}", key()),
        (f"1:{key()},1:{key()}", key()),
        (f"1:{key(32)}", key()),
        (f"1:{key(65)}", key()),
        ("1:not base64!", key()),
        (f"1:{key()}", key(31)),
        (f"1:{key()}", f"{key()},"),
    ],
    ids=[
        "none", "no index", "no seals", "no number", "number 0", "number 256", "a number twice", "too short", "too long",
        "no base64", "short index", "an empty index",
    ],
)  # fmt: skip
def test_e001_keys_that_are_missing_or_unreadable_stop_the_start(settings: Any, seals: str, index: str) -> None:
    settings.COURIER_KEYS_MAY_BE_DERIVED = False
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = seals, index
    assert [found.id for found in keys_are_given()] == ["couriers.E001"]
    assert "couriers.E001" in [found.id for found in checks.run_checks()]
    with pytest.raises(ImproperlyConfigured):
        sealing.index("+8613800001234")


def test_e001_is_silent_with_keys_and_on_ones_own_machine(settings: Any) -> None:
    assert settings.COURIER_KEYS_MAY_BE_DERIVED
    assert keys_are_given() == []
    settings.COURIER_KEYS_MAY_BE_DERIVED = False
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"1:{key()}, 7:{key()}", key(32)
    assert keys_are_given() == []
    assert sealing.keys().newest == 7


# ── Revealing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_in_full_for_a_reason_that_stays(courier: Courier, clerk: User) -> None:
    assert privacy.reveal(courier=courier, reason=" 核对领奖人 ", actor=clerk, at=NOON) == Person(NAME, f"+86{PHONE}")
    event = AuditEvent.objects.get(kind="courier.revealed")
    assert (event.subject_code, event.actor, event.data) == (
        courier.code, clerk, {"fields": ["full name", "mobile phone"], "reason": "核对领奖人"},
    )  # fmt: skip


def test_who_may_not_is_shown_nothing(courier: Courier, clerk: User) -> None:
    street = make_staff("jiedao", scope=make_subdistrict())
    other = make_staff("qiaokou", scope=make_district(code="420104", name="硚口区", letters="QK"))
    counter = make_staff("counter", scope=make_district(), duties=["counter"])
    for actor, reason, refusal in (
        (street, "x", NotFound),
        (other, "x", NotFound),
        (counter, "x", DutyMissing),
        (clerk, "  ", ReasonMissing),
    ):
        with pytest.raises(refusal):
            privacy.reveal(courier=courier, reason=reason, actor=actor, at=NOON)
    assert not AuditEvent.objects.filter(kind="courier.revealed").exists()
    assert privacy.reveal(courier=courier, reason="x", actor=clerk, at=NOON).name == NAME


def test_fifty_a_day_for_each_account_and_days_are_wuhans(courier: Courier, clerk: User) -> None:
    late = NOON + timedelta(hours=11, minutes=59)  # a minute to midnight in Wuhan
    for _each in range(49):
        privacy.reveal(courier=courier, reason="x", actor=clerk, at=NOON)
    privacy.access_copy(courier=courier, reason="x", actor=clerk, at=late)
    for _twice in range(2):
        with pytest.raises(TooMany) as caught:
            privacy.reveal(courier=courier, reason="x", actor=clerk, at=late)
        assert caught.value.data["retry_after_s"] == 60
    privacy.reveal(courier=courier, reason="x", actor=clerk, at=late + timedelta(minutes=1))
    colleague = make_staff("colleague", scope=make_district())
    privacy.reveal(courier=courier, reason="x", actor=colleague, at=NOON)
    assert AuditEvent.objects.filter(kind="courier.revealed").count() == 51


# ── Copy and erasure ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_copy_holds_all_that_is_kept(courier: Courier, clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "_copies", {})
    privacy.tell_in_copies("points", lambda courier: {"of": courier.code})
    old = courier.code
    courier = membership.replace_card(courier=courier, reason="丢失", actor=clerk, at=NOON)
    token = devices.sign_in(courier=courier, kind="android wechat", at=NOON)
    copy = privacy.access_copy(courier=courier, reason="本人申请", actor=clerk, at=NOON)
    assert token not in json.dumps(copy)
    assert (copy["name"], copy["phone"], copy["points"]) == (NAME, f"+86{PHONE}", {"of": courier.code})
    assert courier.outlet is not None
    assert (copy["company"], copy["outlet"]) == (courier.outlet.company.name, courier.outlet.name)
    assert (copy["registered_at"], copy["verified_at"]) == (clock.to_local(NOON).isoformat(), None)
    assert [card["code"] for card in copy["replaced_cards"]] == [old]
    assert [consent["act"] for consent in copy["consents"]] == ["given"]
    told = set(copy)
    columns = {column.name for column in Courier._meta.concrete_fields}
    # Of who was merged into another no copy is made any more.
    aside = {"id", "name_sealed", "phone_sealed", "phone_index", "pin_hash", "division", "merged_into"}
    assert columns - aside <= told
    [phone] = copy["signed_in_phones"]
    assert phone["kind"] == "android wechat"
    assert {column.name for column in Device._meta.concrete_fields} - {"id", "courier", "token_digest"} == set(phone)
    assert AuditEvent.objects.filter(kind="courier.copied").count() == 1


def test_what_was_erased_is_nowhere_and_the_code_stays(courier: Courier, clerk: User) -> None:
    sealed = bytes(courier.name_sealed or b"").hex()
    assert courier.company is not None
    membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    registration.block(courier=courier, reason="代领", actor=clerk, at=NOON)
    privacy.erase(courier=courier, reason="本人申请", actor=clerk, at=NOON)
    courier.refresh_from_db()
    assert courier.blocked_reason == ""
    assert courier.company_id is None
    assert courier.outlet_id is None
    assert (courier.status, courier.name_sealed, courier.phone_sealed, courier.phone_index, courier.pin_hash) == (
        "erased", None, None, None, "",
    )  # fmt: skip
    assert not courier.pin_resets.exists()
    assert Erasure.objects.get().code == courier.code
    assert privacy.masked(courier) == Person("", "")
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM couriers_courier t")
        assert sealed not in str(cursor.fetchall())
    assert make_courier(phone=PHONE)  # the number is free again


def test_what_is_under_way_holds_the_erasure_up(courier: Courier, clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise CourierNotSettled(held="order")

    monkeypatch.setattr(privacy, "_waits", {})
    privacy.wait_before_erasure(refuse, lost=lambda _courier: [])
    with pytest.raises(CourierNotSettled):
        privacy.erase(courier=courier, reason="本人申请", actor=clerk, at=NOON)
    courier.refresh_from_db()
    assert (courier.status, Erasure.objects.count()) == ("unverified", 0)
    monkeypatch.setattr(privacy, "_waits", {})
    assert privacy.erase(courier=courier, reason="本人申请", actor=clerk, at=NOON).is_erased


def test_only_his_own_district_erases_him(courier: Courier, clerk: User) -> None:
    other = make_staff("qiaokou", scope=make_district(code="420104", name="硚口区", letters="QK"))
    with pytest.raises(NotFound):
        privacy.erase(courier=courier, reason="x", actor=other, at=NOON)
    with pytest.raises(ReasonMissing):
        privacy.erase(courier=courier, reason="", actor=clerk, at=NOON)
    privacy.erase(courier=courier, reason="x", actor=clerk, at=NOON)
    with pytest.raises(CourierErased):
        privacy.erase(courier=courier, reason="x", actor=clerk, at=NOON)


def test_a_restored_backup_is_erased_again_whatever_card_he_had_when_it_was_made(
    courier: Courier, clerk: User, tmp_path: Path
) -> None:
    others = make_courier(), make_courier(phone="13700000000")
    privacy.erase(courier=others[0], reason="x", actor=clerk, at=NOON)
    told, said = io.StringIO(), io.StringIO()
    with transaction.atomic():
        replaced = membership.replace_card(courier=courier, reason="x", actor=clerk, at=NOON)
        privacy.erase(courier=replaced, reason="x", actor=clerk, at=NOON)
        call_command("erasures", stdout=told)
        transaction.set_rollback(True)
    courier.refresh_from_db()
    assert not courier.is_erased
    kept = tmp_path / "erasures"
    kept.write_text(told.getvalue())
    *codes, end = told.getvalue().splitlines()
    assert (set(codes), end) == ({courier.code, replaced.code, others[0].code}, "# 3")

    for _twice in range(2):
        call_command("erasures", repeat=kept, stdout=said)
    assert said.getvalue().splitlines() == ["再次注销骑手：1名。", "再次注销骑手：0名。"]
    courier.refresh_from_db()
    assert (courier.is_erased, courier.phone_index, courier.name_sealed) == (True, None, None)
    assert list(Courier.objects.exclude(status="erased")) == [others[1]]
    assert AuditEvent.objects.filter(kind="courier.erased", actor_name="worker").count() == 1


def test_what_is_no_list_of_erasures_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "sheet").write_bytes(b"PK\xff\xfe")
    for file in (tmp_path / "sheet", tmp_path / "nowhere"):
        with pytest.raises(CommandError, match=file.name):
            call_command("erasures", repeat=file)


@pytest.mark.django_db
@pytest.mark.parametrize("content", ["", "WH3K9T2X\n", "WH3K9T2X\n# 2\n"], ids=["nothing", "no end", "a line is lost"])
def test_a_list_of_erasures_that_is_not_whole_is_refused(tmp_path: Path, content: str) -> None:
    """As it is written when the database is away, and just then it will be needed."""
    (file := tmp_path / "erasures").write_text(content)
    with pytest.raises(CommandError, match="不完整"):
        call_command("erasures", repeat=file)


# ── New keys ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_keys_are_changed_beside_the_running_program(
    settings: Any, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "BATCH", 2)
    first, second, index, next_index = key(), key(), key(), key()
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"1:{first}", index
    couriers = [make_courier(phone=f"1380000{number:04}", name=NAME) for number in range(5)]
    erased = make_courier()
    privacy.erase(courier=erased, reason="x", actor=clerk, at=NOON)
    nameless = make_courier(phone="13900000000", name="")
    Courier.objects.filter(pk=make_courier().pk).update(phone_sealed=None, phone_index=None)

    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"1:{first},2:{second}", f"{index},{next_index}"
    # Nothing is lost while both are there: who is under the old ones is found, opened and not registered twice.
    assert finding.by_phone("13800000003", actor=clerk, at=NOON) == couriers[3]
    assert privacy.masked(couriers[3]).name == "张*"
    with pytest.raises(PhoneTaken):
        make_courier(phone="13800000003")
    newer = make_courier(phone="13700000000")

    assert privacy.rotate_keys(actor="tests", at=NOON) == Rotated(sealed=7, indexed=6)
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"2:{second}", next_index
    for each in (*couriers, nameless, newer):
        each.refresh_from_db()
        phone = privacy.reveal(courier=each, reason="x", actor=clerk, at=NOON).phone
        assert finding.by_phone(phone, actor=clerk, at=NOON) == each
    assert privacy.rotate_keys(actor="tests", at=NOON) == Rotated()
    call_command("rotate_courier_keys", stdout=io.StringIO())
    assert AuditEvent.objects.filter(kind="courier.keys-rotated").count() == 1


def test_while_keys_are_changed_a_number_is_taken_and_given_out_anew_as_ever(settings: Any, clerk: User) -> None:
    first, index = key(), key()
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"1:{first}", index
    old = make_courier(phone="13800000003")
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"1:{first},2:{key()}", f"{index},{key()}"
    newcomer = Newcomer(phone="13800000003", work=Work(kind="express"), district=make_district(), agreed_at=NOON)
    agreement = Agreement(consents.membership_notice(), "paper")
    with pytest.raises(PhoneTaken):
        registration.register_listed([newcomer], agreement=agreement, actor=clerk, at=NOON)
    new = make_courier(phone="13800000003", actor=clerk, takes_over_because="运营商收回后重新放号")
    old.refresh_from_db()
    assert old.phone_index is None
    assert finding.by_phone("13800000003", actor=clerk, at=NOON) == new


def test_a_key_that_is_still_needed_is_missed_at_once(settings: Any) -> None:
    settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = f"1:{key()}", key()
    make_courier()
    settings.COURIER_KEYS = f"2:{key()}"
    with pytest.raises(SealBroken):
        privacy.rotate_keys(actor="tests", at=NOON)
    with pytest.raises(SealBroken):
        privacy.masked(Courier.objects.get())


def test_e003_tells_the_keys_of_another_database(settings: Any) -> None:
    """As after a restore beside the wrong .env; keys that are being changed fit."""
    seal, index = key(), key()

    def found(seals: str, indexes: str) -> list[str | None]:
        settings.COURIER_KEYS, settings.COURIER_INDEX_KEY = seals, indexes
        said = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
        return [each.id for each in said if str(each.id).startswith("couriers")]

    assert found(f"1:{seal}", index) == []
    make_courier()
    assert found(f"1:{seal},2:{key()}", f"{index},{key()}") == []
    assert found(f"1:{key()}", index) == ["couriers.E003"]
    assert found(f"2:{seal}", index) == ["couriers.E003"]
    assert found(f"1:{seal}", key()) == ["couriers.E003"]
    assert found(f"1:{seal}", index) == []
