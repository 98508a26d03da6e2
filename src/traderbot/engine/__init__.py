"""How an account decides: commands in, events or a refusal out; and how events change it.

Entry point: decide.decide and apply.apply. Pure: no clock, no random, no input or output.
May import: analytics, model.
"""
