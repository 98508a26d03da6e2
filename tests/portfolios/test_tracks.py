"""Tracks are continued, never read anew, and show each account its own."""

from pathlib import Path

import numpy as np
import pytest

from portfolios.accounts import book_of, order, wander, wandered
from traderbot.infra.ids import new_id
from traderbot.model.errors import NotFound
from traderbot.portfolios import tracks as module
from traderbot.portfolios.tracks import Book, Tracks
from trading.session_rig import AAA, SessionRig

pytestmark = pytest.mark.integration


def same(one: Book, other: Book) -> bool:
    for name in Book.__struct_fields__:
        first, second = getattr(one, name), getattr(other, name)
        if not (np.array_equal(first, second) if isinstance(first, np.ndarray) else first == second):
            return False
    return True


def test_a_track_that_goes_on_is_one_read_at_once(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    account_id, tracks = rig.join(), Tracks()
    books = []
    for seed in range(3):
        wander(rig, account_id, seed, steps=4)
        books.append(book_of(rig, account_id, tracks))
    assert same(books[-1], book_of(rig, account_id))
    assert [len(book.times) for book in books] == sorted({len(book.times) for book in books})
    assert book_of(rig, account_id, tracks) is books[-1]  # nothing is new
    rig.close()


def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wandered(tmp_path, 0) as (rig, account_id):
        tracks, read, seen = Tracks(), module.read, list[int]()

        def counted(*given: object, **named: object) -> object:
            page = read(*given, **named)  # type: ignore[arg-type]
            seen.append(len(page))
            return page

        monkeypatch.setattr(module, "read", counted)
        book_of(rig, account_id, tracks)
        first = sum(seen)
        order(rig, account_id, AAA, "1")
        rig.play()
        book_of(rig, account_id, tracks)
        assert 1 <= sum(seen) - first <= 4


def test_accounts_asked_for_long_ago_are_let_go(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    ids, tracks = [rig.join() for _ in range(3)], Tracks(accounts_max=2)
    rig.play()
    books = [book_of(rig, one, tracks) for one in ids]
    assert [book.account_id for book in books] == ids
    assert book_of(rig, ids[2], tracks) is books[2]
    assert book_of(rig, ids[0], tracks) is not books[0]
    with pytest.raises(NotFound):
        book_of(rig, new_id(), tracks)
    rig.close()
