"""What a backtest on the command line costs and may use: the options, checked, under the names of Python."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from traderbot.backtests.backtest import Backtest
from traderbot.backtests.confined import (
    MEMORY_MB,
    SECONDS,
    Errand,
    Outcome,
    check_limits,
    confined,
    outcome_of,
)
from traderbot.model.amounts import ZERO, fraction, money
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.simulation.costs import Costs
from traderbot.simulation.fees import FeeSchedule
from traderbot.simulation.slippage import Impact, SquareRootImpact, VolumeShareImpact

_IMPACTS: Mapping[str, Callable[..., Impact]] = {
    "volume-share": VolumeShareImpact,
    "square-root": SquareRootImpact,
}

FeeRateOption = Annotated[
    str | None, typer.Option("--fee-rate", help="Fee as a fraction of a value, such as 0.0005.")
]
FeePerShareOption = Annotated[str | None, typer.Option("--fee-per-share", help="Fee a share, such as 0.005.")]
FeeMinimumOption = Annotated[str | None, typer.Option("--fee-minimum", help="Least fee of an order.")]
SlippageOption = Annotated[
    str | None, typer.Option("--slippage", help="Half the spread and more, as a fraction of the price.")
]
ParticipationOption = Annotated[
    str | None, typer.Option("--participation", help="Share of a bar's volume one may take, such as 0.1.")
]
ImpactOption = Annotated[
    str | None,
    typer.Option(
        "--impact",
        help="Slippage by size: volume-share:price_impact=0.1,limit=0.025 or square-root:volatility=0.02.",
    ),
]
LatencyOption = Annotated[
    int | None, typer.Option("--latency", help="Microseconds from a decision to the market.")
]
TimeLimitOption = Annotated[
    int | None, typer.Option("--time-limit", help=f"Seconds that a file's strategy may take; {SECONDS}.")
]
MemoryLimitOption = Annotated[
    int | None, typer.Option("--memory-limit", help=f"MB that a file's strategy may use; {MEMORY_MB}.")
]


class Limits(NamedTuple):
    """asked: whether somebody named one; then they hold for the strategies on offer too."""

    seconds: int
    memory_mb: int
    asked: bool

    @classmethod
    def of(cls, seconds: int | None, memory_mb: int | None) -> "Limits":
        """Errors: InvalidValue naming the option."""
        asked = seconds is not None or memory_mb is not None
        found = cls(
            SECONDS if seconds is None else seconds, MEMORY_MB if memory_mb is None else memory_mb, asked
        )
        check_limits(found.seconds, found.memory_mb)
        return found


class AskedCosts(NamedTuple):
    """The options as texts; None for what the settings say."""

    fee_rate: str | None
    fee_per_share: str | None
    fee_minimum: str | None
    slippage: str | None
    participation: str | None
    impact: str | None
    latency: int | None

    def over(self, costs: Costs, rules: Rules) -> tuple[Costs, Rules]:
        """Costs with what was asked, and rules by which an order holds enough for them. Errors: InvalidValue
        naming the option.
        """
        found: dict[str, Any] = {
            name: fraction(text, f"--{name.replace('_', '-')}")
            for name in ("fee_rate", "slippage", "participation")
            if (text := getattr(self, name)) is not None
        }
        if self.latency is not None:
            found["latency"] = self.latency
        if self.impact is not None:
            found["impact"] = impact_of(self.impact)
        changed = msgspec.structs.replace(costs, **found)
        if self.fee_per_share is not None or self.fee_minimum is not None:
            changed = msgspec.structs.replace(changed, fees=self._schedule(changed.fee_rate))
        if changed.fees == costs.fees and changed.fee_rate == costs.fee_rate:
            return changed, rules
        own = changed.rules
        names = ("fee_rate", "fee_per_share", "fee_minimum")
        return changed, msgspec.structs.replace(rules, **{name: getattr(own, name) for name in names})

    def _schedule(self, rate: Decimal) -> FeeSchedule:
        each = ZERO if self.fee_per_share is None else money(self.fee_per_share, "--fee-per-share")
        least = None if self.fee_minimum is None else money(self.fee_minimum, "--fee-minimum")
        return FeeSchedule(rate, each, least)


def impact_of(text: str) -> Impact:
    """A model of impact by its name and figures. Errors: InvalidValue."""
    name, _, rest = text.partition(":")
    kind = _IMPACTS.get(name)
    expected = "volume-share or square-root:volatility=0.02, with figures as name=value"
    if kind is None:
        raise InvalidValue("--impact", expected, text)
    pairs = [part.partition("=") for part in rest.split(",") if part]
    try:
        return kind(**{key.strip(): Decimal(value.strip()) for key, _, value in pairs})
    except (TypeError, ArithmeticError):
        raise InvalidValue("--impact", expected, text) from None


def outcome(
    strategy: str, parameters: dict[str, str], terms: Mapping[str, Any], out: Path | None, limits: Limits
) -> Outcome:
    """Run it: what comes with the platform here, a file within limits. Errors: those of the run."""
    of_a_file = strategy.partition(":")[0].endswith(".py")
    if not (of_a_file or limits.asked):
        return outcome_of(Backtest(strategy, parameters=parameters, **terms), out)
    return confined(Errand(strategy, parameters, dict(terms), out, limits.seconds, limits.memory_mb))
