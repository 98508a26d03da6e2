"""From what an account holds to what it should hold: target weights by hand or by model within constraints,
the trades with their costs and tax, the risk before and after, and their execution through the gate.
"""
