"""An account and its market, as a proposal is made on them."""

from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.market.datasets import Dataset
from traderbot.model.errors import NotFound
from traderbot.model.symbols import Symbol
from traderbot.portfolios.spans import day_of
from traderbot.portfolios.statements.disposals import WASH_DAYS, disposals
from traderbot.portfolios.tracks import Tracks
from traderbot.rebalancing.targets import Scene
from traderbot.rebalancing.wanted import Wanted
from traderbot.trading.accounts import load_account
from traderbot.trading.halts import rules_in_force
from traderbot.trading.repository import list_signals
from traderbot.trading.session_market import SessionMarket

_SIGNALS = 500


def scene_of(
    connection: Connection, account_id: UUID, market: SessionMarket, dataset: Dataset, wanted: Wanted
) -> Scene:
    """With the marks of what is held and of what is named. Errors: NotFound."""
    account = load_account(connection, account_id)
    if account is None:
        raise NotFound("No such account.")
    held = [name for name, one in account.positions.items() if one.qty]
    named = {*held, *wanted.weights, *wanted.symbols}
    marks = {name: mark.price for name in named if (mark := market.mark(name)) is not None}
    signals = (
        list_signals(connection, account_id, limit=_SIGNALS) if wanted.model == "black_litterman" else []
    )
    return Scene(account, dataset, market.time, marks, rules_in_force(connection).sectors, signals)


def sold_at_a_loss(connection: Connection, tracks: Tracks, account_id: UUID, now: int) -> frozenset[Symbol]:
    """Symbols of which that is so within the last 30 days."""
    first = day_of(now) - WASH_DAYS
    return frozenset(
        Symbol(one.symbol)
        for one in disposals(tracks.book_of(connection, account_id), wash_sales=False)
        if one.gain < 0 and not one.sold_short and day_of(one.disposed_at) >= first
    )
