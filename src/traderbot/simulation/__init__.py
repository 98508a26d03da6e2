"""How a market fills an order: matching on bars, fees, slippage, participation.

Entry point: broker.SimulatedBroker, the one simulated broker of backtest and paper. Pure.
May import: engine, analytics, model.
"""
