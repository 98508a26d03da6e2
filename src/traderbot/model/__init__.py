"""The words of trading: amounts, symbols, orders, events, commands, reasons and errors.

Entry point: the modules themselves; start with orders.py and events.py.
May import: nothing of traderbot outside this package.
"""
