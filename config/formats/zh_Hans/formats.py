"""Days as offices write them. Django's own list has 年月日 with directives that no date fits, and nothing with dots."""

DATE_INPUT_FORMATS = ["%Y/%m/%d", "%Y-%m-%d", "%Y年%m月%d日", "%Y.%m.%d"]
