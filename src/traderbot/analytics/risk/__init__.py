"""Arrays in, numbers out: how much a book may lose, how sure that is, and where it comes from.
Entry points: tails.tail_of, simulating.filtered_scenarios, contributions.of_scenarios, coverage.cover.
May import the other modules of analytics, numpy and scipy; no prices, accounts or clocks.

Losses are positive, profits negative. level: the confidence, 0.95 for the loss that 5% of the days exceed.
"""
