"""The columns of a list of couriers, by the headings that offices give them. Pure."""

from stations.columns import Column
from stations.importing.headings import keys_of_columns

__all__ = ["COLUMNS", "KEYS", "REPEATABLE"]

COLUMNS: tuple[Column, ...] = (
    Column(
        "name", "姓名", "name",
        ("名字", "骑手姓名", "快递员姓名", "外卖员姓名", "小哥姓名", "员工姓名", "骑手", "快递员", "小哥", "full name"), 12,
    ),
    Column(
        "phone", "手机号", "phone",
        ("手机", "手机号码", "电话", "电话号码", "联系电话", "联系方式", "移动电话", "本人电话", "骑手电话", "骑手手机号", "mobile",
         "mobile phone", "phone number", "telephone", "tel"), 16,
    ),
    Column(
        "kind", "类型", "kind",
        ("类别", "骑手类型", "人员类型", "人员类别", "从业类型", "从业类别", "工作类型", "小哥类型", "行业", "职业", "工种", "岗位",
         "从事行业", "业务类型", "type"), 10,
    ),
    Column(
        "company", "品牌", "brand",
        ("公司", "企业", "公司名称", "企业名称", "品牌名称", "所属公司", "所属企业", "所属品牌", "平台", "所属平台", "快递公司",
         "外卖平台", "单位", "所属单位", "工作单位", "company", "platform"), 14,
    ),
    Column(
        "outlet", "网点", "outlet",
        ("网点名称", "所属网点", "所在网点", "站点", "站点名称", "所属站点", "配送站", "配送站点", "营业部", "outlet name", "depot"), 22,
    ),
    Column("district", "区", "district", ("城区", "所在区", "所属区", "行政区", "区县", "辖区", "所属城区", "所在城区", "区域", "所在区域", "所属区域"), 10),
    Column(
        "agreed", "是否同意", "agreed",
        ("同意", "已同意", "是否已同意", "是否签署", "是否签字", "签字", "签署", "知情同意", "告知同意", "是否告知同意", "同意书",
         "个人信息同意", "告知书", "是否签署告知书", "是否签署同意书", "是否签告知书", "是否签同意书", "consent"), 10,
    ),
    Column(
        "agreed_on", "同意日期", "agreed on",
        ("签署日期", "签字日期", "签署时间", "同意时间", "告知日期", "告知书签署日期", "date of consent"), 12,
    ),
)  # fmt: skip
KEYS = keys_of_columns(COLUMNS)
REPEATABLE = frozenset({"phone"})
