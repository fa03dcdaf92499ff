"""The office's desk for points: gifts and their stock, redemptions, awards and their rules, the districts' funds, and reading
the ledger."""

from points.admin import (
    auditing,
    cabinet_sheet,
    counter,
    disputes,
    earning,
    expiry,
    gifts,
    history,
    late,
    looking_back,
    merging,
    papers,
    postings,
    proposals,
    redemptions,
    settling,
    slips,
    standing_out,
    todos,
    trail_words,
)

__all__ = [
    "auditing", "cabinet_sheet", "counter", "disputes", "earning", "expiry", "gifts", "history", "late", "looking_back", "merging",
    "papers", "postings", "proposals", "redemptions", "settling", "slips", "standing_out", "todos", "trail_words",
]  # fmt: skip
