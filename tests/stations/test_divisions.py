"""Loading the divisions, and finding the one that a text means."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import clock
from core.errors import InvalidValue
from core.models import AuditEvent
from stations import divisions, publishing
from stations.divisions import AliasTaken, Gazetteer, LocalCodesUsedUp
from stations.models import Division, DivisionAlias, Station, Zone
from tests.builders import NOON, make_station

pytestmark = pytest.mark.django_db


@pytest.fixture
def gazetteer() -> Gazetteer:
    divisions.load(actor="test", at=NOON)
    return Gazetteer()


def code(division: Division | None) -> str | None:
    return None if division is None else division.code


def test_loading_brings_the_whole_city() -> None:
    loaded = divisions.load(actor="test", at=NOON)
    levels = {level: Division.objects.filter(level=level).count() for level in Division.Level.values}
    assert levels == {"city": 1, "district": 13, "subdistrict": 193, "neighbourhood": 0}
    assert loaded.divisions_created == 1 + 13 + 193
    assert sorted(Zone.objects.values_list("code", flat=True)) == [
        "changjiang-xinqu",
        "donghu-fengjing",
        "donghu-gaoxin",
        "jingkai",
    ]
    assert Division.objects.get(pk="4201").parent is None
    assert set(Division.objects.districts().values_list("parent_id", flat=True)) == {"4201"}
    assert Division.objects.filter(is_area_like=True).count() == 31


def test_a_second_loading_changes_nothing() -> None:
    first = divisions.load(actor="test", at=NOON)
    before = list(Division.objects.values()), list(DivisionAlias.objects.values()), list(Zone.objects.values())
    second = divisions.load(actor="test", at=NOON)
    assert first.changed
    assert not second.changed
    assert (
        list(Division.objects.values()),
        list(DivisionAlias.objects.values()),
        list(Zone.objects.values()),
    ) == before
    assert AuditEvent.objects.filter(kind="divisions.loaded").count() == 1


def test_loading_mends_official_names_and_keeps_what_staff_wrote() -> None:
    divisions.load(actor="test", at=NOON)
    Division.objects.filter(pk="420106003").update(name="徐家朋街道", name_en="Xujiapeng")
    DivisionAlias.objects.create(division_id="420106003", name="徐家棚办")
    loaded = divisions.load(actor="test", at=NOON)
    mended = Division.objects.get(pk="420106003")
    assert (loaded.divisions_updated, loaded.divisions_created) == (1, 0)
    assert (mended.name, mended.name_en) == ("徐家棚街道", "Xujiapeng")
    assert mended.aliases.filter(name="徐家棚办").exists()


def test_every_district_has_its_letters_and_everything_an_english_name() -> None:
    divisions.load(actor="test", at=NOON)
    letters = dict(Division.objects.districts().values_list("name", "letters"))
    assert letters == {
        "江岸区": "JA",
        "江汉区": "JH",
        "硚口区": "QK",
        "汉阳区": "HY",
        "武昌区": "WC",
        "青山区": "QS",
        "洪山区": "HS",
        "东西湖区": "DX",
        "汉南区": "HN",
        "蔡甸区": "CD",
        "江夏区": "JX",
        "黄陂区": "HP",
        "新洲区": "XZ",
    }
    assert not Division.objects.filter(name_en="").exists()
    assert not Zone.objects.filter(name_en="").exists()


@pytest.mark.parametrize(
    ("division", "name_en"),
    [
        ("420106", "Wuchang District"),
        ("420106003", "Xujiapeng Subdistrict"),
        ("420104011", "Changfeng Subdistrict"),
        ("420116009", "Changxuanling Subdistrict"),
        ("420117102", "Fenghuang Town"),
        ("420116201", "Mulan Township"),
    ],
)
def test_english_names_are_in_pinyin(division: str, name_en: str) -> None:
    divisions.load(actor="test", at=NOON)
    assert Division.objects.get(pk=division).name_en == name_en


def test_the_command_says_what_it_did() -> None:
    out = StringIO()
    call_command("load_divisions", "--json", stdout=out)
    assert json.loads(out.getvalue())["divisions_created"] == 207
    assert AuditEvent.objects.get(kind="divisions.loaded").actor_name == "load_divisions"
    again = StringIO()
    call_command("load_divisions", "--json", stdout=again)
    assert set(json.loads(again.getvalue()).values()) == {0}


def test_a_gazetteer_costs_three_queries(gazetteer: Gazetteer) -> None:
    with CaptureQueriesContext(connection) as queries:
        built = Gazetteer()
        built.resolve("武昌区徐家棚街道和平大道750号")
    assert len(queries) == 3
    assert built.district("武昌") == gazetteer.district("武昌")


@pytest.mark.parametrize(
    "text",
    [
        "武昌区",
        "武昌",
        "武汉市武昌区",
        "武漢市武昌區",
        "湖北省武汉市武昌区",
        " 武昌 区 ",
        "武昌區",
        "420106",
        "武汉武昌",
    ],
)
def test_a_district_is_known_in_every_wording(gazetteer: Gazetteer, text: str) -> None:
    assert code(gazetteer.district(text)) == "420106"


@pytest.mark.parametrize("text", ["", "武汉市", "昌", "汉口", "东湖高新区", "武昌区徐家棚街道", "420106003"])
def test_what_is_no_district_is_none(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.district(text) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("东湖高新区", "donghu-gaoxin"),
        ("光谷", "donghu-gaoxin"),
        ("東湖高新區", "donghu-gaoxin"),
        ("武汉经开区", "jingkai"),
        ("武汉市经开区", "jingkai"),
        ("东湖风景区", "donghu-fengjing"),
        ("长江新区", "changjiang-xinqu"),
        ("武昌区", None),
    ],
)
def test_a_zone_is_known_in_every_wording(gazetteer: Gazetteer, text: str, zone: str | None) -> None:
    found = gazetteer.zone(text)
    assert (None if found is None else found.code) == zone


@pytest.mark.parametrize(
    ("district", "text", "expected"),
    [
        ("硚口区", "韩家墩街", "420104002"),
        ("硚口区", "韩家墩街道", "420104002"),
        ("硚口区", "韓家墩街道辦事處", "420104002"),
        ("硚口区", "韩家墩", "420104002"),
        ("硚口区", "硚口区韩家墩街道", "420104002"),
        ("硚口区", "420104002", "420104002"),
        ("硚口区", "汉正街", "420104009"),
        ("硚口区", "汉正街道", "420104009"),
        ("武昌区", "徐家棚街道", "420106003"),
        ("武昌区", "徐家棚街道办", "420106003"),
        ("武昌区", "黃鶴樓街", "420106007"),
        ("武昌区", "徐家棚　街道", "420106003"),
        ("江汉区", "民族街", "420103001"),
        ("江汉区", "民族街道", "420103001"),
        ("江汉区", "民族街街道", "420103001"),
        ("黄陂区", "李集街道", "420116010"),
        ("新洲区", "李集街道", "420117005"),
        ("新洲区", "旧街", "420117008"),
        ("汉阳区", "江汉二桥街", "420105009"),
        ("武昌区", "韩家墩街道", None),
        ("武昌区", "420104002", None),
        ("武昌区", "", None),
    ],
)
def test_a_subdistrict_is_known_within_its_district(
    gazetteer: Gazetteer, district: str, text: str, expected: str | None
) -> None:
    assert code(gazetteer.subdistrict(text, gazetteer.district(district))) == expected


def test_a_bare_name_of_two_districts_gives_both(gazetteer: Gazetteer) -> None:
    for text in ("李集", "李集街道", "李集街"):
        assert gazetteer.subdistrict(text) is None
        assert [found.code for found in gazetteer.subdistricts(text)] == ["420116010", "420117005"]
    assert code(gazetteer.subdistrict("韩家墩街")) == "420104002"


@pytest.mark.parametrize(
    ("address", "district", "subdistrict", "rest"),
    [
        ("湖北省武汉市武昌区徐家棚街道和平大道750号", "420106", "420106003", "和平大道750号"),
        ("武漢市武昌區徐家棚街道和平大道750號", "420106", "420106003", "和平大道750號"),
        ("武昌区 徐家棚街 和平大道750号", "420106", "420106003", "和平大道750号"),
        ("武昌徐家棚街道和平大道", "420106", "420106003", "和平大道"),
        ("徐家棚街道和平大道", "420106", "420106003", "和平大道"),
        ("硚口区汉正街123号", "420104", None, "汉正街123号"),
        ("硚口区韩家墩街古田二路", "420104", "420104002", "古田二路"),
        ("武昌区和平大道750号", "420106", None, "和平大道750号"),
        ("汉阳大道12号", None, None, "汉阳大道12号"),
        ("武昌区", "420106", None, ""),
        ("", None, None, ""),
    ],
)
def test_an_address_begins_with_its_divisions(
    gazetteer: Gazetteer, address: str, district: str | None, subdistrict: str | None, rest: str
) -> None:
    resolved = gazetteer.resolve(address)
    assert (code(resolved.district), code(resolved.subdistrict), resolved.rest) == (district, subdistrict, rest)


def test_an_address_without_its_district_may_fit_two(gazetteer: Gazetteer) -> None:
    resolved = gazetteer.resolve("李集街道人民路1号")
    assert (resolved.subdistrict, resolved.rest) == (None, "人民路1号")
    assert code(gazetteer.resolve("新洲区李集街道人民路1号").subdistrict) == "420117005"


def test_an_address_may_begin_with_a_zone(gazetteer: Gazetteer) -> None:
    resolved = gazetteer.resolve("武汉市东湖高新区关东街道关山大道1号")
    assert resolved.zone is not None
    assert (resolved.zone.code, resolved.rest) == ("donghu-gaoxin", "关山大道1号")
    assert resolved.subdistrict is not None
    assert resolved.subdistrict.name == "关东街道"


def test_a_new_neighbourhood_gets_the_next_local_code(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    first = gazetteer.ensure_neighbourhood("才茂社区", subdistrict, actor="test", at=NOON)
    second = gazetteer.ensure_neighbourhood("水岸星城", subdistrict, actor="test", at=NOON)
    village = gazetteer.ensure_neighbourhood("徐东村委会", subdistrict, actor="test", at=NOON)
    assert [(n.code, n.name, n.short_name) for n in (first, second, village)] == [
        ("420106003L00", "才茂社区", "才茂"),
        ("420106003L01", "水岸星城社区", "水岸星城"),
        ("420106003L02", "徐东村", "徐东"),
    ]
    events = AuditEvent.objects.filter(kind="division.created").order_by("subject_code")
    assert [event.subject_code for event in events] == ["420106003L00", "420106003L01", "420106003L02"]


@pytest.mark.parametrize("text", ["才茂社区", "才茂", "才茂社区居委会", "才 茂 社 区", "才茂社區", "420106003L00"])
def test_a_known_neighbourhood_is_found_and_not_made_again(gazetteer: Gazetteer, text: str) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    made = gazetteer.ensure_neighbourhood("才茂社区", subdistrict, actor="test", at=NOON)
    assert gazetteer.neighbourhood(text, subdistrict) == made
    assert Gazetteer().neighbourhood(text, subdistrict) == made
    assert gazetteer.ensure_neighbourhood(text, subdistrict, actor="test", at=NOON) == made
    assert gazetteer.neighbourhood(text, Division.objects.get(pk="420106007")) is None


def test_a_gazetteer_that_is_behind_does_not_make_a_second_one(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    other = Gazetteer()
    made = gazetteer.ensure_neighbourhood("才茂社区", subdistrict, actor="test", at=NOON)
    assert other.neighbourhood("才茂", subdistrict) is None
    assert other.ensure_neighbourhood("才茂", subdistrict, actor="test", at=NOON) == made


def test_a_village_and_a_neighbourhood_of_one_name_are_two(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    neighbourhood = gazetteer.ensure_neighbourhood("和平社区", subdistrict, actor="test", at=NOON)
    village = gazetteer.ensure_neighbourhood("和平村", subdistrict, actor="test", at=NOON)
    assert neighbourhood != village
    assert gazetteer.neighbourhood("和平村", subdistrict) == village
    assert gazetteer.neighbourhood("和平社区", subdistrict) == neighbourhood
    assert gazetteer.neighbourhood("和平", subdistrict) is None


def test_local_codes_end_at_zz(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    last = Division.objects.create(
        code="420106003LZY", level="neighbourhood", parent=subdistrict, name="倒数第二社区", short_name="倒数第二"
    )
    made = gazetteer.ensure_neighbourhood("最后社区", subdistrict, actor="test", at=NOON)
    assert (last.code, made.code) == ("420106003LZY", "420106003LZZ")
    with pytest.raises(LocalCodesUsedUp):
        gazetteer.ensure_neighbourhood("再一个社区", subdistrict, actor="test", at=NOON)


@pytest.mark.parametrize("name", ["", "  ", "（）", "长" * 51])
def test_a_neighbourhood_needs_a_name(gazetteer: Gazetteer, name: str) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    with pytest.raises(InvalidValue):
        divisions.ensure_neighbourhood(name=name, subdistrict=subdistrict, actor="test", at=NOON)
    assert not gazetteer.subdistricts("才茂", subdistrict.parent)


def test_a_neighbourhood_lies_in_a_subdistrict() -> None:
    divisions.load(actor="test", at=NOON)
    with pytest.raises(InvalidValue):
        divisions.ensure_neighbourhood(
            name="才茂社区", subdistrict=Division.objects.get(pk="420106"), actor="test", at=NOON
        )


def test_the_code_is_given_under_the_districts_lock(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    with CaptureQueriesContext(connection) as queries:
        gazetteer.ensure_neighbourhood("才茂社区", subdistrict, actor="test", at=NOON)
    statements = [query["sql"] for query in queries]
    lock = next(at for at, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql)
    look = next(at for at, sql in enumerate(statements) if '"parent_id" = ' in sql)
    insert = next(at for at, sql in enumerate(statements) if sql.startswith("INSERT"))
    assert lock < look < insert


def test_an_alias_is_learnt_once(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    assert gazetteer.subdistrict("徐家棚片区", subdistrict.parent) is None
    for _n in range(2):
        gazetteer.learn_alias("徐家棚片区", subdistrict, actor="test", at=NOON)
    assert gazetteer.subdistrict("徐家棚片区", subdistrict.parent) == subdistrict
    assert Gazetteer().subdistrict("徐家棚片区", subdistrict.parent) == subdistrict
    assert AuditEvent.objects.filter(kind="division.alias_learnt").count() == 1


def test_an_alias_of_a_sibling_is_refused(gazetteer: Gazetteer) -> None:
    subdistrict = Division.objects.get(pk="420106003")
    with pytest.raises(AliasTaken):
        gazetteer.learn_alias("黄鹤楼街", subdistrict, actor="test", at=NOON)
    # In another district the same wording is another matter.
    assert gazetteer.learn_alias("韩家墩", subdistrict, actor="test", at=NOON).division == subdistrict


def test_stations_are_found_by_a_wording_learnt_later(gazetteer: Gazetteer) -> None:
    station = make_station(division=Division.objects.get(pk="420106003"), at=NOON)
    elsewhere = make_station(division=Division.objects.get(pk="420106001"), at=NOON)
    gazetteer.learn_alias("老车辆厂", station.division, actor="test", at=NOON)
    assert not Station.objects.matching("老车辆厂").exists()
    assert publishing.expand_due(now=clock.now()) >= 1
    assert list(Station.objects.matching("老车辆厂")) == [station]
    elsewhere.refresh_from_db()
    assert "老车辆厂" not in elsewhere.search_text
