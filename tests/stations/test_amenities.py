"""The vocabulary: every wording of the articles is known, or left as text on purpose."""

import json
from pathlib import Path

import pytest

from core.models import AuditEvent
from stations import amenities
from stations.models import Amenity, AmenityWord
from tests.builders import NOON, make_amenity

pytestmark = pytest.mark.django_db

# As the two articles of 2021 write them.
WORDS_OF_THE_ARTICLES = [
    "微波炉",
    "饮水机",
    "医药包",
    "桌椅",
    "沙发",
    "沙发桌椅",
    "空调",
    "充电器",
    "维修工具",
    "礼品展示柜",
    "热水",
    "餐食加热",
    "手机充电",
    "书籍报刊阅读",
    "观影休闲",
    "电瓶车充换电池",
    "衣物烘干",
    "积分兑换",
    "免费茶水",
    "休息",
    "用餐",
    "避雨",
    "充电",
    "避暑取暖",
    "歇脚充电",
    "饮水就餐",
    "学习交流",
    "吹空调",
    "喝茶看报",
]


def test_every_wording_of_the_articles_is_mapped_or_kept_as_text() -> None:
    amenities.load(actor="test", at=NOON)
    file = json.loads(Path(amenities.__file__).with_name("data").joinpath("amenities.json").read_text("utf-8"))
    known = set(AmenityWord.objects.values_list("word", flat=True))
    assert [word for word in WORDS_OF_THE_ARTICLES if word not in known] == file["kept_as_text"]


def test_a_wording_may_mean_two_things() -> None:
    amenities.load(actor="test", at=NOON)
    meant = AmenityWord.objects.filter(word="歇脚充电").values_list("amenity", flat=True)
    assert set(meant) == {"seats", "phone-charging"}


def test_loading_twice_adds_nothing_and_leaves_one_trace() -> None:
    assert amenities.load(actor="test", at=NOON).changed
    assert not amenities.load(actor="test", at=NOON).changed
    assert AuditEvent.objects.filter(kind="amenities.loaded").count() == 1


def test_loading_keeps_what_staff_have_written() -> None:
    make_amenity("hot-water", name="开水", expected_from_tier=1)
    amenities.load(actor="test", at=NOON)
    kept = Amenity.objects.get(pk="hot-water")
    assert (kept.name, kept.expected_from_tier) == ("开水", 1)
    assert Amenity.objects.get(pk="gift-counter").expected_from_tier == 2


def test_the_seven_ones_of_the_union_are_expected_everywhere() -> None:
    amenities.load(actor="test", at=NOON)
    everywhere = set(Amenity.objects.filter(expected_from_tier=3).values_list("code", flat=True))
    assert everywhere == {"seats", "microwave", "hot-water", "air-conditioning", "fridge", "first-aid"}
