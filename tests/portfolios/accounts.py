"""An account that trades in the small market as a seed has it, and its book."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.orders import Side
from traderbot.portfolios.tracks import Book, Tracks
from traderbot.trading.work import Work
from trading.session_rig import AAA, BBB, SessionRig

D = Decimal


def order(rig: SessionRig, account_id: UUID, symbol: str, qty: str, strategy: str | None = None) -> None:
    """A market order that the next step fills; below zero, a sale."""
    side, size = (Side.SELL, D(qty).copy_abs()) if D(qty) < 0 else (Side.BUY, D(qty))
    command = c.PlaceOrder(new_id(), symbol, side, size)  # type: ignore[arg-type]
    meta = Meta(f"strategy:{strategy}", "x") if strategy else Meta("user:ada", "x")
    rig.path.submit(Work([(account_id, command)], meta=meta))


def book_of(rig: SessionRig, account_id: UUID, tracks: Tracks | None = None) -> Book:
    return rig.read(lambda connection: (tracks or Tracks()).book_of(connection, account_id))


def wander(rig: SessionRig, account_id: UUID, seed: int, steps: int = 14) -> None:
    """Orders of two strategies and a person, deposits and withdrawals; some are refused."""
    random_ = random.Random(seed)
    for _ in range(steps):
        for _ in range(random_.randint(0, 3)):
            qty = f"{random_.choice((-1, 1)) * random_.randint(1, 400_000) / 1000:.3f}"
            source = random_.choice((None, "trend", "value"))
            order(rig, account_id, random_.choice((AAA, BBB)), qty, source)
        if random_.random() < 0.3:
            rig.do(account_id, c.DepositCash(D(random_.randint(1, 10_000_000)).scaleb(-3)))
        if random_.random() < 0.2:
            rig.do(account_id, c.WithdrawCash(D(random_.randint(1, 10_000_000)).scaleb(-3)))
        rig.play()


@contextmanager
def wandered(where: Path, seed: int) -> Iterator[tuple[SessionRig, UUID]]:
    """An account that went its way through the split and the dividend, on margin where the seed is odd."""
    rig = SessionRig(where)
    try:
        account_id = rig.join(kind=AccountKind.MARGIN if seed % 2 else AccountKind.CASH)
        wander(rig, account_id, seed)
        yield rig, account_id
    finally:
        rig.close()
