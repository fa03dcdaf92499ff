"""The office's desk for points: gifts and their stock, redemptions, awards and their rules, the districts' funds, and the ledger
to read."""

from points.admin import (
    auditing,
    counter,
    earning,
    expiry,
    gifts,
    history,
    looking_back,
    merging,
    postings,
    proposals,
    redemptions,
    settling,
    slips,
    standing_out,
    trail_words,
)

__all__ = [
    "auditing", "counter", "earning", "expiry", "gifts", "history", "looking_back", "merging", "postings", "proposals",
    "redemptions", "settling", "slips", "standing_out", "trail_words",
]  # fmt: skip
