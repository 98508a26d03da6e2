"""Whether a signal goes only by the rows it may go by, and whether it is all there is to a strategy."""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.signals import Frame, SignalStrategy, place_of, told

_STEPWISE = ("on_step", "on_bar", "follow", "targets", "settled")
_HOOKS = (*_STEPWISE, "on_start", "on_fill", "on_news", "turn", "done", "_trade", "_quantity", "_restate")


def whole(strategy: SignalStrategy) -> bool:
    """Whether all its targets can be asked for at once: it does nothing of its own at each step."""
    return not _own(type(strategy), _STEPWISE)


def hooks_of(kind: type[Strategy]) -> list[str]:
    """What a signal strategy does besides its signal, by the names of the methods it has of its own."""
    return _own(kind, _HOOKS)


def _own(kind: type[Strategy], names: tuple[str, ...]) -> list[str]:
    return [name for name in names if getattr(kind, name) is not getattr(SignalStrategy, name)]


def check_causal(strategy: SignalStrategy, frame: Frame, targets: Floats, looks: int = 16) -> None:
    """Refuse a strategy whose targets do not follow from the rows that it may go by, as far as a few looks at
    windows tell, which is what it is shown outside a backtest.

    targets: of the whole frame, as the signal gives them or rounded. Errors: InvalidValue naming strategy,
    instrument and bar.
    """
    rows, window = len(frame.times), strategy.warm_up + 2
    for cut in sorted({rows * number // looks for number in range(1, looks + 1)}):
        if cut <= strategy.warm_up:
            continue
        seen = strategy.targets(frame.rows(max(cut - window, 0), cut))[-2:]
        column = _first_difference(seen, strategy.settled(targets, cut - len(seen), cut))
        if column is None:
            continue
        prefix = strategy.targets(frame.rows(0, cut))[-2:]
        alone = _first_difference(prefix, strategy.settled(targets, cut - len(prefix), cut))
        where = f"for {frame.symbols[column]} at {told(int(frame.times[cut - 1]))}"
        if alone is not None:
            expected = f"no look ahead: its target {where} is another once the bars after it are known"
        else:
            expected = (
                f"a target {where} that follows from the {strategy.warm_up} bars of its warm_up;"
                f" {_advice(strategy, frame, targets, looks)}"
            )
        raise InvalidValue(f"{strategy.name}.signal ({place_of(type(strategy).signal)})", expected)


def _advice(strategy: SignalStrategy, frame: Frame, targets: Floats, looks: int) -> str:
    """The warm_up, doubled as often as it takes, with which all looks agree."""
    rows = len(frame.times)
    longer = max(2 * strategy.warm_up, 1)
    while longer < rows // 2:
        if all(
            _agrees(strategy, frame, targets, cut, longer + 2)
            for cut in {rows * number // looks for number in range(1, looks + 1)}
            if cut > longer
        ):
            return f"raise warm_up (try {longer})"
        longer *= 2
    return f"no warm_up up to half of the {rows} bars is enough, so it goes by all bars since the first"


def _agrees(strategy: SignalStrategy, frame: Frame, targets: Floats, cut: int, window: int) -> bool:
    """Whether the last targets of a window that ends before the row `cut` are those of the whole."""
    seen = strategy.targets(frame.rows(max(cut - window, 0), cut))[-2:]
    return _first_difference(seen, strategy.settled(targets, cut - len(seen), cut)) is None


def _first_difference(seen: Floats, whole: Floats) -> int | None:
    """The first column in which two parts of targets differ."""
    differs = ~((seen == whole) | (np.isnan(seen) & np.isnan(whole)))
    return int(np.argwhere(differs)[0][1]) if differs.any() else None
