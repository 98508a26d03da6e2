"""The command line.

Entry point: main.app, installed as the command `traderbot`.
May import: everything.
"""
