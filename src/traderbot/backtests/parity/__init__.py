"""Parity: a window of a session run again as a backtest, and every difference attributed.

Entry point: comparing.parity.
"""
