"""Forms that more than one door uses: the office's pages and the counter's."""
