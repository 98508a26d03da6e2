"""Rates: exact windows and buckets, in memory and shared in Valkey."""
