"""The office's desk for points: gifts and their stock, the districts' funds, and the ledger to read."""

from points.admin import gifts, postings, proposals, trail_words

__all__ = ["gifts", "postings", "proposals", "trail_words"]
