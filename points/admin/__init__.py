"""The office's desk for points: gifts and their stock, the districts' funds, and the ledger to read."""

from points.admin import expiry, gifts, merging, postings, proposals, trail_words

__all__ = ["expiry", "gifts", "merging", "postings", "proposals", "trail_words"]
