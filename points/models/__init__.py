"""The tables of `points`. Import from here; the files below are for reading."""

from points.models.gifts import Gift, GiftPrice
from points.models.ledger import Account, Entry, Posting, Seal, SealedPosting
from points.models.stock import Receipt

__all__ = ["Account", "Entry", "Gift", "GiftPrice", "Posting", "Receipt", "Seal", "SealedPosting"]
