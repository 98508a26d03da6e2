"""The track: every close is explained to the last millionth, by lot, through splits, shorts and dividends."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from portfolios.accounts import book_of, order, wandered
from traderbot.infra.events.journal import Meta, Recorded
from traderbot.infra.ids import new_id
from traderbot.model import events as e
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Money, Price
from traderbot.model.parts import AdjustedLot, Relief, RestoredLot
from traderbot.model.symbols import Symbol
from traderbot.portfolios.track import LEDGERS, LOOSE, MANUAL, Slice, Track, parts_of
from traderbot.portfolios.tracks import Book
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal
XXX, YYY = Symbol("XXX"), Symbol("YYY")


def explained(book: Book) -> None:
    """Equity is what was put in, and what the lots gained."""
    for close, equity in enumerate(book.equity.tolist()):
        held = book.value_close == close
        over = (book.value - book.value_cost)[held].sum()
        entered = book.entry_amount[book.entry_close <= close].sum()
        flows = book.flow_amount[book.flow_close <= close].sum()
        assert over + entered + flows == equity
        assert book.cash[close] + book.value[held].sum() == equity
        shares = np.zeros(len(book.lots), dtype=np.int64)
        counts = book.change_close <= close
        np.add.at(shares, book.change_lot[counts], book.change_shares[counts])
        assert set(book.lot_slice[shares != 0].tolist()) == set(book.value_slice[held].tolist())


@pytest.mark.parametrize("seed", range(8))
def test_every_close_is_explained(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        book = book_of(rig, account_id)
    assert len(book.times) >= 10
    explained(book)


def test_a_lot_belongs_to_who_opened_it(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    account_id = rig.join(kind=AccountKind.MARGIN)
    order(rig, account_id, AAA, "100", "trend")
    rig.play()
    order(rig, account_id, AAA, "-150")  # a person sells them, and 50 short
    order(rig, account_id, BBB, "10")
    rig.play(14)
    book = book_of(rig, account_id)
    rig.close()
    explained(book)
    assert book.slices == (Slice("", ""), Slice(AAA, "trend"), Slice(AAA, MANUAL), Slice(BBB, MANUAL))
    first, short, long = book.lots[1:]
    assert first.closed_at == short.opened_at
    assert short.closed_at is None
    by_lot = {
        (int(lot), LEDGERS[int(name)]): int(amount)
        for lot, name, amount in zip(book.entry_lot, book.entry_ledger, book.entry_amount, strict=True)
        if LEDGERS[int(name)] in ("realised", "dividends")
    }
    assert by_lot == {(1, "realised"): 100_000_000, (3, "dividends"): 2_500_000}
    assert long.number == 3


def test_parts_sum_to_the_total() -> None:
    assert parts_of(10, [1, 1, 1]) == [3, 3, 4]
    assert parts_of(-10, [1, 2]) == [-4, -6]
    assert parts_of(7, [0, 0]) == [0, 7]


class Script:
    """A track fed with events by hand."""

    def __init__(self) -> None:
        self.account_id = new_id()
        self.track = Track(self.account_id)
        self.take(e.AccountOpened(1, self.account_id, new_id(), new_id(), "USD", AccountKind.MARGIN))
        self.take(e.CashMoved(1, Money(D(1000)), "deposit"))

    def take(self, event: e.Event) -> None:
        self.track.take(Recorded(self.track.position + 1, "", 1, event, Meta("user:ada", "x"), 1))

    def late(self, side: str, qty: str, notional: str, after: str, **more: object) -> e.OrderFilledLate:
        """An execution of an order that was closed before; they need no order that is open."""
        event = e.OrderFilledLate(
            at=2, order_id=new_id(), execution_id=new_id(), symbol=XXX, side=e.Side(side), qty=D(qty),
            price=Price(D(1)), notional=Money(D(notional)), fee=Money(D("0.03")), filled_qty=D(qty),
            filled_value=Money(D(notional)), status=e.OrderStatus.FILLED, hold=Money(D(0)),
            position_qty=D(after), priced_at=2, **{"realised": Money(D(0)), **more},
        )  # type: ignore[arg-type]  # fmt: skip
        self.take(event)
        return event

    def close(self, equity: str, **marks: str) -> None:
        prices = {Symbol(name): Price(D(mark)) for name, mark in marks.items()}
        cash = self.track.account.cash
        worth = Money(D(equity) - cash)
        self.take(e.PortfolioRevalued(3, len(self.track.closes), cash, worth, Money(D(equity)), prices))

    def gained(self, name: str) -> list[tuple[int, int]]:
        _, _, lots, ledgers, amounts = self.track.entries.columns
        return [(lot, amount) for lot, ledger, amount in zip(lots, ledgers, amounts, strict=True)
                if LEDGERS[ledger] == name]  # fmt: skip


def test_a_sale_of_several_lots_and_its_bust() -> None:
    script = Script()
    script.late("buy", "1", "10", "1", lot=1)
    script.late("buy", "2", "30", "3", lot=2)
    relief = (Relief(1, D(1), D(10)), Relief(2, D(1), D(15)))
    sale = script.late("sell", "2", "25", "1", relief=relief)
    assert script.gained("realised") == [(1, 2_500_000), (2, -2_500_000)]  # which sum to nothing
    assert script.gained("fees")[2:] == [(1, -15_000), (2, -15_000)]
    script.take(
        e.ExecutionBusted(
            2, sale.order_id, sale.execution_id, XXX, e.Side.SELL, D(2), Price(D(1)), Money(D(25)),  # type: ignore[arg-type]
            Money(D("0.03")), D(0), D(0), D(3), D(25), Money(D(0)),
            restored=(RestoredLot(1, D(1), D(10), 2), RestoredLot(2, D(1), D(15), 2)),
        )
    )  # fmt: skip
    assert sum(amount for _, amount in script.gained("realised")) == 0
    assert sum(amount for _, amount in script.gained("fees")) == -60_000
    assert [lot.closed_at for lot in script.track.lots[1:]] == [None, None]


def test_a_change_of_symbol_takes_the_gains_along_and_a_delisting_ends_them() -> None:
    script = Script()
    script.late("buy", "4", "40", "4", lot=1)
    day = e.date(2005, 1, 3)
    script.take(e.CorporateActionApplied(3, XXX, ActionKind.SYMBOL_CHANGE, day, D(4), new_symbol=YYY))
    script.close("1001.97", YYY="10.5")
    assert script.track.slices[1:] == [Slice(YYY, MANUAL)]
    closed = (AdjustedLot(1, D(0)),)
    script.take(
        e.CorporateActionApplied(
            4, YYY, ActionKind.DELISTING, day, D(0), amount=D(9), cash=Money(D(36)), lots=closed,
            realised=Money(D(-4)),
        )
    )  # fmt: skip
    assert script.gained("realised") == [(1, -4_000_000)]
    script.take(e.CashMoved(5, Money(D("-0.5")), "borrow_fee", YYY))  # of a symbol without a lot
    script.take(e.CashMoved(5, Money(D("-0.25")), "margin_interest"))
    assert script.track.slices[2:] == [Slice(YYY, LOOSE)]
    assert script.gained("borrow") == [(2, -500_000)]
    assert script.gained("interest") == [(0, -250_000)]
    script.late("buy", "1", "10", "1", lot=2)  # another company under the old name
    assert script.track.slices[3:] == [Slice(XXX, MANUAL)]
