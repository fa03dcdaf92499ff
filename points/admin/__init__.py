"""The office's desk for points: gifts and their stock, the districts' funds, and the ledger to read."""

from points.admin import gifts, postings, trail_words

__all__ = ["gifts", "postings", "trail_words"]
