"""How far a backtest can be trusted: procedures that try to break it, and a verdict with its reasons.

Entry point: procedure.validate. It may import what its room may.
"""
