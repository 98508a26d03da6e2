"""Pieces: what came in for all of them is what cash gained besides deposits."""

from pathlib import Path

import pytest

from portfolios.accounts import book_of, wandered
from traderbot.portfolios.statements.pieces import PieceKind, pieces_of, symbol_of

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("seed", range(4))
def test_all_of_the_cash_is_in_pieces_amounts_and_flows(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        book = book_of(rig, account_id)
    pieces, loose = pieces_of(book)
    counted = len(book.times)
    came = sum(one.realised - one.cost - one.fees for one in pieces if one.close < counted)
    came += sum(one.amount for one in loose if one.close < counted)
    came += int(book.flow_amount[book.flow_close < counted].sum())
    assert came == int(book.cash[-1])
    opened = [one.lot for one in pieces if one.kind is PieceKind.OPENS]
    assert len(opened) == len(set(opened)) == sum(1 for lot in book.lots if lot.order_id)
    assert all(symbol_of(book, one.lot) for one in pieces)
