"""我的蜂巢: what is a courier's own, on his phone."""
