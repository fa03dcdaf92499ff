"""How dates are typed and shown in each language, where Django has it otherwise."""
