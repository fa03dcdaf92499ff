"""How dates are typed in each language, where Django does not know it."""
