"""The simulated broker: an account's open orders and what was seen of the market in, reports out.

Backtest and paper share it.
"""

from collections.abc import Iterable, Mapping

from traderbot.model.bars import Bar
from traderbot.model.commands import Command
from traderbot.model.orders import Order
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.simulation.look import Look, Observations
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import WHOLE_DAY, Session


class SimulatedBroker:
    """Fills orders on bars, quotes, prints or books.

    It keeps nothing itself: the same orders, observations and memory give the same reports, under the same
    execution ids. rules: where given, costs beyond what they hold for are refused. Errors: InvalidValue.
    """

    def __init__(self, costs: Costs, rules: Rules | None = None) -> None:
        if rules is not None:
            costs.check(rules)
        self.costs = costs

    def reports(
        self,
        orders: Iterable[Order],
        seen: Observations,
        time: int,
        session: Session = WHOLE_DAY,
        memory: Memory | None = None,
        *,
        margin: bool = False,
    ) -> list[Command]:
        """What an observation does to one account's open orders, to be decided one after the other.

        orders: placed before it, oldest first. seen: by symbol; a symbol that is halted or did not trade is
        left out. time: microseconds. session: where in the trading day it is. memory: the account's; without
        one, nothing is known of looks before, which is enough for bars. margin: whether the account may
        spend more than its orders hold.
        """
        if memory is None:
            memory = Memory()
        else:
            memory.begin()
        return Look(self.costs, seen, time, session, memory, margin).over(orders)

    def follow_up(
        self,
        orders: Iterable[Order],
        seen: Mapping[Symbol, Bar],
        time: int,
        session: Session = WHOLE_DAY,
        memory: Memory | None = None,
        *,
        margin: bool = False,
    ) -> list[Command]:
        """The same bars against the exits that the reports before have just activated.

        memory: the one given to `reports`. A stop that the bar reached counts as reached after the entry; a
        take-profit waits for the next bar.
        """
        memory = memory or Memory()
        return Look(self.costs, seen, time, session, memory, margin).after_entries(orders)
