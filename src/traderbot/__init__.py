"""traderbot: a self-hosted AI trading platform."""

__version__ = "0.1.0"
