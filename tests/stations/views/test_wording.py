"""How what is said to people is written down."""

import pytest

from stations.views.wording import station_name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("徐家棚加油站“江城蜂巢”", '<span>徐家棚加油站<span class="whole">“江城蜂巢”</span></span>'),
        ("徐家棚加油站", "徐家棚加油站"),
        ("“江城蜂巢”徐家棚站", "“江城蜂巢”徐家棚站"),
        ("长江“一二三四五六七八九十”", "长江“一二三四五六七八九十”"),
        ("<b>&“<i>”", "&lt;b&gt;&amp;“&lt;i&gt;”"),
    ],
)
def test_the_common_end_of_a_name_is_never_broken(name: str, written: str) -> None:
    """One that is too long for a line of a small phone may be; and nothing of a name is markup."""
    assert station_name(name) == written
