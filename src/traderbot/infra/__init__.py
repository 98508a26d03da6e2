"""What touches the machine: database, journal, clock, ids, settings, logs.

Entry point: bootstrap builds these; nothing here knows a rule of trading.
May import: engine, model and third-party libraries.
"""
