"""The desk of the offices: stations on one page, the vocabulary, and what was found at the doors."""

from stations.admin import glance, notices, overview, staff, stations, trail, trail_words, visits, vocabulary

__all__ = ["glance", "notices", "overview", "staff", "stations", "trail", "trail_words", "visits", "vocabulary"]
