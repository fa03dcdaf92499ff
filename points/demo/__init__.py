"""The demo's points: three months of a ledger, made through the verbs. See history.py."""

from points.demo.history import ACTOR, DatabaseInUse, Seeded, TownMissing, seed

__all__ = ["ACTOR", "DatabaseInUse", "Seeded", "TownMissing", "seed"]
