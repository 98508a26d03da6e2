"""What the works of a transaction are known to need before they are decided, and which names are taken."""

from collections.abc import Callable, Hashable, Sequence
from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.infra.storage.bulk import Key, Lookup
from traderbot.model.commands import (
    PlaceOrder,
    RecordExecution,
    RecordLateExecution,
    ReplaceOrder,
)
from traderbot.trading.memory import SteppedMarket
from traderbot.trading.streams import RULES_STREAM, account_of
from traderbot.trading.work import Work

NAMING = (PlaceOrder, ReplaceOrder)  # the commands that bring a client order id along


class Needs:
    """What works are known to need before they are decided."""

    def __init__(self) -> None:
        self.accounts: set[UUID] = set()
        self.streams: set[str] = set()
        self.names: list[Key] = []
        self.executions: list[Key] = []
        self.keys: list[Key] = []
        self.steps = False
        self.budgets: set[UUID] = set()

    def add(self, work: Work) -> None:
        self.accounts.update([account_id for account_id, _ in work.plans])
        self.streams.update(work.streams)
        if work.markets and any(isinstance(market, SteppedMarket) for market in work.markets.values()):
            self.steps = True
        if work.rules is not None:
            self.streams.add(RULES_STREAM)
        for stream, _ in work.facts:
            account_id = account_of(stream)
            if account_id is None:
                self.streams.add(stream)
            else:
                self.accounts.add(account_id)
        for account_id, command in work.commands:
            self.accounts.add(account_id)
            if isinstance(command, NAMING):
                if command.client_order_id:
                    self.names.append((account_id, command.client_order_id))
            elif isinstance(command, RecordExecution):
                self.executions.append((account_id, command.execution_id))
            elif isinstance(command, RecordLateExecution):
                self.executions.append((account_id, command.execution.execution_id))
        if work.key is not None:
            self.keys.append((work.commands[0][0], work.key.key))
        if work.grant is not None and work.grant.daily_notional is not None:
            self.budgets.add(work.grant.key_id)


class Taken:
    """Which names of a key table are taken, in the database or earlier in this transaction."""

    def __init__(self, lookup: Lookup, connection: Connection) -> None:
        self._lookup = lookup
        self._connection = connection
        self._known: dict[tuple[Hashable, ...], bool] = {}

    def ask(self, names: Sequence[tuple[Hashable, ...]]) -> Callable[[], None]:
        """Look all of them up at once; the answer is taken in when it is called for."""
        asked = self._lookup.ask(self._connection, names)

        def answer() -> None:
            self._known.update(dict.fromkeys(names, False))
            self._known.update(dict.fromkeys(asked(), True))

        return answer

    def add(self, *name: Hashable) -> None:
        self._known[name] = True

    def __contains__(self, name: tuple[Hashable, ...]) -> bool:
        known = self._known.get(name)
        if known is None:
            self.ask([name])()
            known = self._known[name]
        return known
