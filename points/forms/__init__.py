"""Forms that more than one door shows: the office's pages and the counter's."""
