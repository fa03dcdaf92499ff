"""The empty list that districts and brands download, with an example and notes."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from couriers.importing.columns import COLUMNS
from couriers.models import Company
from stations.columns import Value
from stations.importing.template import empty_list

__all__ = ["template_xlsx"]

# No carrier has 154.
_EXAMPLE: dict[str, Value] = {
    "name": "示例：张三（导入时跳过本行）",
    "phone": "15400000000",
    "kind": "快递",
    "company": "顺丰",
    "district": "武昌区",
    "agreed": "是",
    "agreed_on": "2026-06-01",
}


def template_xlsx() -> Iterator[bytes]:
    """The template as a workbook."""
    return empty_list(_("Couriers"), COLUMNS, _EXAMPLE, _notes())


def _notes() -> Iterator[Sequence[Value]]:
    for heading, text in (
        (
            "手机号",
            _("The only column that must be filled: a mobile number of the mainland. One number is one courier."),
        ),
        ("姓名", _("Can be left out. It is kept sealed and shown masked.")),
        ("类型", _("快递 or 外卖")),
        ("品牌", _("As in the list of brands; leave blank if he works for himself.")),
        ("网点", _("As the list of outlets of that district has it; blank where he belongs to none.")),
        ("区", _("Not needed where the whole list is of one district.")),
        (
            "是否同意 同意日期",
            _("He has read the notice and signed it: 是, or the date. Nobody is registered without; keep the papers."),
        ),
    ):
        yield [heading, text]
    yield [
        _("no other columns"),
        _("No ID numbers, birth dates or addresses: they are not read, and should not travel."),
    ]
    yield ["品牌", "、".join(Company.objects.values_list("name", flat=True))]
