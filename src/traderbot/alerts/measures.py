"""What a rule measures, of a session's market or of an account; a value that cannot be told has a reason."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy.engine import Connection

from traderbot.alerts.rules import AlertRule, Measured
from traderbot.analytics.risk.tails import tail_of
from traderbot.engine import baselines
from traderbot.market.datasets import Dataset
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.border import to_float, weight_from_float
from traderbot.model.errors import NotFound, TraderbotError
from traderbot.portfolios.valuation import Portfolio, portfolio_of
from traderbot.risk.book import book_of
from traderbot.risk.history import history_of
from traderbot.risk.status import status_of
from traderbot.trading.session_market import SessionMarket

_ZERO = Decimal(0)
_log = structlog.get_logger()
_DAYS = 1000
_LEVEL = Decimal("0.95")


def of_market(rule: AlertRule, market: SessionMarket) -> Measured:
    """A price, its change or a volume, as known at a step."""
    assert rule.symbol is not None
    if rule.metric == "price":
        mark = market.mark(rule.symbol)
        return Measured(None, f"{rule.symbol} has no price") if mark is None else Measured(mark.price)
    bars = rule.bars or 1
    closes, volumes = market.recent(rule.symbol, bars + 1)
    if len(closes) <= bars:
        return Measured(None, f"{rule.symbol} has {len(closes)} bars of the {bars + 1} it takes")
    if rule.metric == "change":
        return Measured(weight_from_float(closes[-1] / closes[0] - 1))
    usual = float(volumes[:-1].mean())
    if usual <= 0:
        return Measured(None, f"{rule.symbol} was not traded in the {bars} bars before")
    return Measured(weight_from_float(volumes[-1] / usual))


class AccountMeasures:
    """The figures of one account as of its last commit, each worked out once. at: its market time."""

    def __init__(
        self, connection: Connection, account_id: UUID, market: SessionMarket, dataset: Dataset
    ) -> None:
        self._connection = connection
        self._account_id = account_id
        self._dataset = dataset
        self._market = market
        self._portfolio: Portfolio | None = None

    @property
    def portfolio(self) -> Portfolio:
        if self._portfolio is None:
            self._portfolio = portfolio_of(self._connection, self._account_id, self._market)
        return self._portfolio

    @property
    def at(self) -> int:
        return self.portfolio.as_of

    def measure(self, rule: AlertRule) -> Measured:
        """What the rule asks for. An account whose books are broken keeps no other from being measured."""
        try:
            measure: Callable[[AlertRule], Measured] = getattr(self, f"_{rule.metric}")
            return measure(rule)
        except NotFound:
            return Measured(None, "the account is not there")
        except (TraderbotError, ArithmeticError, LookupError, ValueError) as error:
            _log.error("alert_not_measured", rule=str(rule.id), metric=rule.metric, error=repr(error))
            return Measured(None, f"it cannot be told ({type(error).__name__})")

    def _equity(self, rule: AlertRule) -> Measured:
        return Measured(self.portfolio.equity)

    def _drawdown(self, rule: AlertRule) -> Measured:
        """The share lost since the highest close, as the gate's limit measures it."""
        return self._since("peak", share=True)

    def _day_pnl(self, rule: AlertRule) -> Measured:
        return self._since("day", share=False)

    def _since(self, start: str, *, share: bool) -> Measured:
        valued, equity = self.portfolio.valued, self.portfolio.equity
        began = self.portfolio.starting_cash
        if valued is not None:
            account = Account(self._account_id, valued=valued)
            began = getattr(baselines.starts_at(account, self.at), start)
        if not share:
            return Measured(equity - began)
        if began <= 0:
            return Measured(None, "the account had no equity to lose")
        return Measured(max(_ZERO, rounding.ratio(began - equity, began)))

    def _weight(self, rule: AlertRule) -> Measured:
        """Of one symbol, or the largest, in either direction."""
        if self.portfolio.equity <= 0:
            return Measured(None, "the account has no equity")
        values = {
            one.symbol: abs(one.market_value)
            for one in self.portfolio.holdings
            if rule.symbol in (None, one.symbol)
        }
        most = max(values, key=lambda symbol: values[symbol], default=None)
        value = _ZERO if most is None else values[most]
        return Measured(rounding.ratio(value, self.portfolio.equity), None, most)

    def _var(self, rule: AlertRule) -> Measured:
        """Of one day, historical: the method that is cheap enough to be asked for again and again."""
        if self.portfolio.equity <= 0:
            return Measured(None, "the account has no equity")
        held = book_of(self.portfolio, self._dataset).held
        if not held:
            return Measured(_ZERO)
        history = history_of(self._dataset, self.at, [one.symbol for one in held], _DAYS)
        if not history.symbols:
            return Measured(None, "no position has enough daily returns")
        kept = set(history.symbols)
        values = np.array([to_float(one.value) for one in held if one.symbol in kept])
        totals = (history.returns * values).sum(axis=1)
        lost = tail_of(totals, to_float(rule.level or _LEVEL)).var
        return Measured(weight_from_float(lost / to_float(self.portfolio.equity)))

    def _limit(self, rule: AlertRule) -> Measured:
        """Used of one limit, or of the one most used."""
        limits = status_of(self._connection, self._account_id, self._market).limits
        wanted = [one for one in limits if rule.part in (None, one.name)]
        known = {one.name: one.part for one in wanted if one.part is not None}
        if not known:
            reasons = [one.reason for one in wanted if one.reason]
            return Measured(None, reasons[0] if reasons else f"no limit {rule.part or ''} is set".strip())
        most = max(known, key=lambda name: known[name])
        return Measured(known[most], None, most)
