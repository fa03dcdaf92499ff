"""The demo: the real stations of the two articles, a made-up set that says so in every name, and its accounts."""
