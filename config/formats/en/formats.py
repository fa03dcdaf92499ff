"""Days and times as the rest of the office shows them: year first, 24 hours; Django's own are Nov. 27, 2026, 4:19 p.m."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i"
FIRST_DAY_OF_WEEK = 1
