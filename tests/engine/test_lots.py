from decimal import Decimal

import pytest

from engine.stand import AAA, Stand
from traderbot.engine.lots import effect, relieve, undo
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account, Lot, LotMethod, Position
from traderbot.model.orders import Side
from traderbot.model.reasons import Reason

pytestmark = pytest.mark.domain

D = Decimal


def held(*lots: tuple[str, str]) -> Position:
    """A position of lots (qty, cost), numbered from 1."""
    found = {n: Lot(n, D(qty), D(cost), n) for n, (qty, cost) in enumerate(lots, 1)}
    total = sum((lot.qty for lot in found.values()), D(0))
    return Position(AAA, total, sum((lot.cost for lot in found.values()), D(0)), lots=found)


class TestRelief:
    @pytest.mark.parametrize(
        ("method", "used"),
        [
            (LotMethod.FIFO, [(1, 3, 30), (2, 1, 12)]),
            (LotMethod.LIFO, [(3, 3, 33), (2, 1, 12)]),
            (LotMethod.HIGHEST_COST, [(2, 3, 36), (3, 1, 11)]),
        ],
    )
    def test_each_method_has_its_order(self, method: LotMethod, used: list[tuple[int, int, int]]) -> None:
        position = held(("3", "30"), ("3", "36"), ("3", "33"))
        assert [(part.lot, part.qty, part.cost) for part in relieve(position, D(4), method)] == used

    def test_of_two_lots_as_dear_the_older_goes_first(self) -> None:
        position = held(("1", "10"), ("2", "20"))
        assert [part.lot for part in relieve(position, D(1), LotMethod.HIGHEST_COST)] == [1]

    def test_chosen_lots_go_first_then_the_method(self) -> None:
        position = held(("3", "30"), ("3", "36"), ("3", "33"))
        assert [(p.lot, p.qty) for p in relieve(position, D(5), LotMethod.FIFO, (3,))] == [(3, 3), (1, 2)]
        assert [p.lot for p in relieve(position, D(9), LotMethod.LIFO, (2, 2, 9))] == [2, 3, 1]

    def test_a_short_lot_is_bought_back_in_negative_parts(self) -> None:
        position = held(("-3", "-30"), ("-3", "-36"))
        assert relieve(position, D(4)) == (e.Relief(1, D(-3), D(-30)), e.Relief(2, D(-1), D(-12)))

    @pytest.mark.parametrize("method", LotMethod)
    def test_lots_without_shares_never_outlive_the_position(self, method: LotMethod) -> None:
        position = held(("0", "0.5"), ("5", "50"), ("0", "0.01"), ("1", "9"))
        assert {part.lot for part in relieve(position, D(6), method)} == {1, 2, 3, 4}

    def test_the_rest_of_a_lot_keeps_the_residue(self) -> None:
        (part,) = relieve(held(("3", "10")), D(1))
        assert part.cost == D("3.333333")


class TestEffect:
    def test_a_flip_closes_everything_and_then_opens(self) -> None:
        account = Account(AAA, lots_opened=2)
        result = effect(account, held(("3", "30"), ("1", "12")), Side.SELL, D(10), D(150))
        assert [(part.lot, part.qty) for part in result.relief] == [(1, 3), (2, 1)]
        assert (result.lot, result.lot_qty, result.lot_cost) == (3, -6, -90)
        assert (result.position_qty, result.realised) == (-6, 60 - 42)

    def test_buying_through_flat_opens_long(self) -> None:
        account = Account(AAA, lots_opened=1)
        result = effect(account, held(("-4", "-60")), Side.BUY, D(5), D(50))
        assert (result.lot, result.lot_qty, result.lot_cost) == (2, 1, 10)
        assert (result.position_qty, result.realised) == (1, 60 - 40)

    def test_parts_of_a_flip_sum_to_the_whole(self) -> None:
        account = Account(AAA, lots_opened=1)
        result = effect(account, held(("1", "1")), Side.SELL, D(3), D(10))
        assert result.lot_cost == D("-6.666667")
        assert result.realised == D("3.333333") - 1


class TestMethodsInALife:
    def test_the_accounts_method_counts_from_when_it_is_chosen(self) -> None:
        stand = Stand()
        for price in ("10", "12", "11"):
            stand.own("1", price)
        stand.do(c.ChooseLotMethod(LotMethod.HIGHEST_COST))
        (filled,) = stand.fill(stand.place("sell", "1"), "1", "11").events
        assert isinstance(filled, e.OrderFilled)
        assert (filled.relief[0].lot, filled.realised) == (2, -1)

    def test_a_sale_uses_the_lots_it_names(self) -> None:
        stand = Stand()
        for price in ("10", "12", "11"):
            stand.own("2", price)
        stand.fill(stand.place("sell", "3", lots=(3,)), "3", "11")
        assert stand.lots() == [(1, 1, 10), (2, 2, 24)]

    def test_a_lot_that_is_not_there_is_refused(self) -> None:
        stand = Stand()
        stand.own("2")
        assert stand.refused("sell", "1", lots=(2,)) is Reason.UNKNOWN_LOT

    def test_a_named_lot_that_another_sale_used_up_is_passed_over(self) -> None:
        stand = Stand()
        stand.own("1", "10")
        stand.own("1", "12")
        waiting = stand.place("sell", "1", "11.00", lots=(2,))
        stand.fill(stand.place("sell", "1", lots=(2,)), "1", "11")
        stand.fill(waiting, "1", "11")
        assert stand.account.positions[AAA].lots == {}

    def test_a_short_and_back_gains_what_it_fell(self) -> None:
        stand = Stand(kind="margin")
        (opened,) = stand.fill(stand.place("sell", "5"), "5", "10").events
        assert isinstance(opened, e.OrderFilled)
        assert (opened.lot, opened.lot_qty, opened.lot_cost, opened.realised) == (1, -5, -50, 0)
        assert stand.lots() == [(1, -5, -50)]
        (closed,) = stand.fill(stand.place("buy", "5"), "5", "9").events
        assert isinstance(closed, e.OrderFilled)
        assert (closed.realised, closed.position_qty, closed.lot) == (5, 0, None)
        assert stand.account.positions[AAA].cost == 0

    def test_one_execution_goes_through_flat(self) -> None:
        stand = Stand(kind="margin")
        stand.own("5", "10")
        stand.fill(stand.place("sell", "8"), "8", "12")
        assert stand.lots() == [(2, -3, -36)]
        assert stand.account.positions[AAA].realised == 10


class TestUndo:
    def test_an_untouched_buy_leaves_without_a_gain(self) -> None:
        stand = Stand()
        filled = stand.own("3", "10")
        undone = undo(stand.account, filled)
        assert (undone.position_qty, undone.cost, undone.realised) == (0, -30, 0)
        assert undone.relief == (e.Relief(1, D(3), D(30)),)

    def test_a_buy_partly_sold_takes_the_rest_from_other_lots(self) -> None:
        stand = Stand()
        filled = stand.own("3", "10")
        stand.own("3", "12")
        stand.fill(stand.place("sell", "2"), "2", "11")
        undone = undo(stand.account, filled)
        assert [(p.lot, p.qty, p.cost) for p in undone.relief] == [(1, 1, 10), (2, 2, 24)]
        assert (undone.position_qty, undone.cost, undone.realised) == (1, -34, -4)

    def test_its_own_lot_leaves_first(self) -> None:
        stand = Stand()
        stand.own("3", "10")
        filled = stand.own("3", "12")
        assert [part.lot for part in undo(stand.account, filled).relief] == [2]

    def test_lots_without_shares_leave_with_the_last_share(self) -> None:
        stand = Stand()
        filled = stand.own("3", "10")
        position = stand.account.positions[AAA]
        position.lots[0] = Lot(0, D(0), D("0.5"), 0)
        undone = undo(stand.account, filled)
        assert {part.lot: part.cost for part in undone.relief} == {1: 30, 0: D("0.5")}
        assert undone.realised == D("-0.5")

    def test_the_lot_that_owes_has_a_number_of_its_own(self) -> None:
        stand = Stand(kind="margin")
        filled = stand.own("3", "10")
        stand.fill(stand.place("sell", "3"), "3", "11")
        stand.do(c.BustExecution(filled))
        stand.fill(stand.place("sell", "1"), "1", "12")
        assert stand.lots() == [(2, -3, -30), (3, -1, -12)]

    def test_a_buy_that_is_sold_leaves_shares_owed(self) -> None:
        stand = Stand()
        filled = stand.own("3", "10")
        stand.fill(stand.place("sell", "3"), "3", "11")
        undone = undo(stand.account, filled)
        assert undone.restored == (e.RestoredLot(2, D(-3), D(-30), filled.at),)
        assert (undone.position_qty, undone.realised) == (-3, 0)

    def test_a_sale_gives_its_lots_back_in_their_place(self) -> None:
        stand = Stand()
        stand.own("2", "10")
        stand.own("2", "12")
        stand.own("2", "11")
        (sale,) = stand.fill(stand.place("sell", "3"), "3", "13").events
        assert isinstance(sale, e.OrderFilled)
        stand.do(c.BustExecution(sale))
        assert stand.lots() == [(1, 2, 20), (2, 2, 24), (3, 2, 22)]
        assert stand.account.positions[AAA].realised == 0

    def test_shares_that_come_back_first_cover_what_is_owed(self) -> None:
        stand = Stand(kind="margin")
        stand.own("10", "10")
        (sale,) = stand.fill(stand.place("sell", "10"), "10", "12").events
        stand.fill(stand.place("sell", "4"), "4", "13")
        assert isinstance(sale, e.OrderFilled)
        stand.do(c.BustExecution(sale))
        assert stand.lots() == [(1, 6, 60)]
        assert stand.account.positions[AAA].realised == 52 - 40

    def test_a_flip_is_undone_on_both_sides(self) -> None:
        stand = Stand(kind="margin")
        stand.own("5", "10")
        (flip,) = stand.fill(stand.place("sell", "8"), "8", "12").events
        assert isinstance(flip, e.OrderFilled)
        stand.do(c.BustExecution(flip))
        assert stand.lots() == [(1, 5, 50)]
        assert stand.account.positions[AAA].realised == 0
        assert stand.account.cash == 950
