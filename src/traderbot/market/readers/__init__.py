"""Readers of market data vendors: each asks one vendor's API and gives rows and corporate actions, unchecked.

What they give goes through the same examination as a file (market/fetching.py).
"""
