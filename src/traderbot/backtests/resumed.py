"""What a run goes on from: an account as it was at a step of a session, instead of a new one with cash."""

import copy
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from uuid import UUID

import msgspec

from traderbot.model.account import Account
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.commands import Command, DepositCash, WithdrawCash
from traderbot.model.events import OrderFilled
from traderbot.strategies.adjustments import restating_from

_NEVER = 1 << 63


def numbers() -> Callable[[], UUID]:
    """Ids by number, from 1: of a run that goes on from nothing."""
    return (msgspec.convert(number.to_bytes(16), UUID) for number in count(1)).__next__


class Resumed:
    """An account behind a step, before the strategy acted on that step.

    time: of the step, microseconds. new_id: makes ids of orders and signals at a market time. flows: cash
    that comes in (negative: goes out) at the start of the first step at or after a time. told: executions of
    that step, of which the strategy is yet to be told. begun: whether the strategy has seen earlier steps.
    """

    def __init__(
        self,
        account: Account,
        time: int,
        new_id: Callable[[int], UUID],
        *,
        flows: Iterable[tuple[int, Money]] = (),
        told: Iterable[OrderFilled] = (),
        begun: bool = False,
    ) -> None:
        self.account = copy.deepcopy(account)
        self.time, self.new_id, self.begun = time, new_id, begun
        self.told = list(told)
        self._flows = deque(sorted(flows))

    @property
    def next_at(self) -> int:
        """When cash moves next."""
        return self._flows[0][0] if self._flows else _NEVER

    def arrived(self, time: int) -> list[Command]:
        """Cash that moves by now, each amount once."""
        found: list[Command] = []
        while self.next_at <= time:
            amount = self._flows.popleft()[1]
            found.append(DepositCash(amount) if amount > 0 else WithdrawCash(Money(-amount)))
        return found

    def ahead(self, actions: Iterable[CorporateAction]) -> list[CorporateAction]:
        """Those that the account has not had yet."""
        return [action for action in actions if restating_from(action) >= self.time]
