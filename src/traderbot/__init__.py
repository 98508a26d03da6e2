"""traderbot: a self-hosted AI trading platform."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traderbot.backtests.backtest import Backtest as Backtest

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What the package offers, imported when it is asked for: importing the package itself stays quick."""
    if name == "Backtest":
        from traderbot.backtests.backtest import Backtest

        return Backtest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
