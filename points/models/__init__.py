"""The tables of `points`. Import from here; the files below are for reading."""

from points.models.checks import LedgerCheck
from points.models.earning import Award, AwardLimit, EarningRule
from points.models.expiry import ExpiryRule
from points.models.gifts import Gift, GiftPrice
from points.models.ledger import Account, Entry, Posting, Seal, SealedPosting
from points.models.proposals import GiftProposal
from points.models.redemptions import Dispute, Pass, QueuePlace, Redemption
from points.models.stock import GiftWanted, LowStock, Receipt, StockMark

__all__ = [
    "Account", "Award", "AwardLimit", "Dispute", "EarningRule", "Entry", "ExpiryRule", "Gift", "GiftPrice", "GiftProposal", "GiftWanted",
    "LedgerCheck", "LowStock", "Pass", "Posting", "QueuePlace", "Receipt", "Redemption", "Seal", "SealedPosting", "StockMark",
]  # fmt: skip
