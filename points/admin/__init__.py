"""The office's desk for points: gifts and their stock, redemptions, awards and their rules, the districts' funds, and the ledger
to read."""

from points.admin import (
    cabinet_sheet,
    counter,
    disputes,
    earning,
    expiry,
    gifts,
    history,
    late,
    merging,
    papers,
    postings,
    proposals,
    redemptions,
    settling,
    standing_out,
    trail_words,
)

__all__ = [
    "cabinet_sheet", "counter", "disputes", "earning", "expiry", "gifts", "history", "late", "merging", "papers", "postings",
    "proposals",
    "redemptions", "settling",
    "standing_out", "trail_words",
]  # fmt: skip
