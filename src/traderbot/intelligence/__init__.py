"""Models that read arrays and say what they expect, and why: features, forecasts, explanations, sizing.
Entry points: forecast.train, Forecast.predict, explanation.explain, sizing.target_weights.
May import analytics, model, numpy and lightgbm only; no files, no clock, no random state but a given seed."""
