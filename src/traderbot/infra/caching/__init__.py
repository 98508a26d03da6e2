"""Answers that are kept, and the stamps that say they still hold."""
