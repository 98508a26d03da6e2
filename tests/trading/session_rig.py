"""A small market of two instruments, one split and one dividend, and a session loop over it."""

from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from uuid import UUID

import numpy as np

from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.market.bars import TimeFrame, make_bars
from traderbot.market.calendars import sessions_between
from traderbot.market.datasets import Dataset, Instrument, make_dataset
from traderbot.market.sessions import ReplaySession
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.events import SessionOpened
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.trading.session_loop import SessionLoop, accounts_of, left_behind_of
from traderbot.trading.streams import session_stream
from traderbot.trading.work import Work
from trading.rig import Rig

D = Decimal
AAA, BBB = Symbol("AAA"), Symbol("BBB")
SPLIT_DAY, DIVIDEND_DAY = date(2005, 1, 12), date(2005, 1, 20)
SPLIT_STEP = 7  # 2005-01-12 is the eighth session of the year


@lru_cache(maxsize=500)
def small_dataset(skipped: tuple[int, ...] = ()) -> Dataset:
    """January 2005: AAA rises from 100 and splits 2 for 1, BBB stands at 50 and pays 0.25.

    skipped: steps without a bar of AAA.
    """
    sessions = sessions_between("XNYS", date(2005, 1, 1), date(2005, 1, 31))
    there = np.array([step not in skipped for step in range(len(sessions))])
    steps = np.arange(len(sessions))
    close = np.where(steps < SPLIT_STEP, 100.0 + steps, (100.0 + steps) / 2)[there]
    rising = make_bars(
        AAA, sessions.closes[there], close - 0.5, close + 1, close - 1, close, np.full(len(close), 1e6)
    )
    flat = np.full(len(sessions), 50.0)
    still = make_bars(BBB, sessions.closes, flat, flat + 1, flat - 1, flat, np.full(len(flat), 1e6))
    actions = [
        CorporateAction(AAA, SPLIT_DAY, ActionKind.SPLIT, new=2, old=1),
        CorporateAction(BBB, DIVIDEND_DAY, ActionKind.DIVIDEND, Decimal("0.25")),
    ]
    return make_dataset(
        "small", "XNYS", TimeFrame.DAY, [Instrument(AAA, "Ay", "XNYS"), Instrument(BBB, "Bee", "XNYS")],
        {AAA: rising, BBB: still}, actions, sessions, source="made up", licence="none", notes=[],
    )  # fmt: skip


class SessionRig(Rig):
    """A rig whose session plays the small market from its first step on; without costs, to count by heart."""

    def __init__(self, where: Path | Database, skipped: tuple[int, ...] = ()) -> None:
        super().__init__(where)
        self.dataset = small_dataset(skipped)
        self.session_id = new_id()
        replay = ReplaySession(self.dataset, speed=0.0)
        replay.start_at(date(2005, 1, 4))
        opened = SessionOpened(
            replay.time, self.session_id, "small", self.dataset.sha256, "XNYS", replay.step
        )
        self.path.submit(Work(facts=[(session_stream(self.session_id), opened)]))
        self.loop = self._loop(replay)

    def _loop(self, replay: ReplaySession) -> SessionLoop:
        with self.database.read() as connection:
            accounts = accounts_of(connection, self.session_id)
            behind = left_behind_of(connection, self.session_id)
        broker = SimulatedBroker(Costs(D(0), D(0), D("0.1")))
        return SessionLoop(self.session_id, replay, self.path, broker, accounts, behind)

    def restart(self) -> None:
        """A new process over the same file."""
        step = self.loop.replay.step
        self.loop.stop()
        self.reopen()
        self.loop = self._loop(ReplaySession(self.dataset, step=step, speed=0.0))

    def play(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.loop.play(self.loop.replay.step + 1)

    def join(
        self, cash: str = "100000", kind: AccountKind = AccountKind.CASH, user_id: UUID | None = None
    ) -> UUID:
        """A new account in the session."""
        account_id = new_id()
        opening = c.OpenAccount(account_id, user_id or new_id(), self.session_id, "USD", kind)
        outcome = self.path.submit(Work([(account_id, opening), (account_id, c.DepositCash(D(cash)))]))
        assert not outcome.refusals
        return account_id

    def ask(self, account_id: UUID, command: c.Command) -> None:
        """A command that must be approved."""
        outcome = self.path.submit(Work([(account_id, command)]))
        assert not outcome.refusals, outcome.refusals

    def close(self) -> None:
        self.loop.stop()
        super().close()
