"""我的蜂巢: a courier's own pages, on his phone."""
