"""How dates are typed and shown in each language, where this differs from Django."""
