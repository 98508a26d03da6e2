"""The checks are worth something only if they find faults: each one here is planted, and must be found."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from traderbot.engine import apply as applying
from traderbot.engine import ledger
from traderbot.engine import lots as lotting
from traderbot.engine.decision import Decision
from traderbot.infra.events import journal as journaling
from traderbot.infra.storage.database import Bulk, Database
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import LotMethod
from traderbot.model.errors import Conflict
from traderbot.model.orders import OrderStatus, Side
from traderbot.model.reasons import Reason
from traderbot.trading import batch as batching
from traderbot.trading import memory as remembering
from traderbot.trading import work as working
from traderbot.trading.command_path import CommandPath
from traderbot.trading.projection import Projection
from traderbot.trading.work import Idempotency, Work
from trading.rig import D, Rig, execution, order
from trading.test_command_path import BrokenCommit

pytestmark = pytest.mark.integration

Patch = pytest.MonkeyPatch
FAULTS: dict[str, Callable[[Patch], None]] = {}


def fault(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    FAULTS[plant.__name__] = plant
    return plant


def trade(rig: Rig) -> None:
    """A bit of everything, with the answers it must get."""
    account_id, other = rig.open("1000"), rig.open("100000")
    rig.own(account_id, "10", "9")
    rig.own(account_id, "10", "11")
    sale = rig.place(account_id, "15", Side.SELL)
    too_much = rig.do(account_id, order("6", Side.SELL))
    assert [refusal.reason for refusal in too_much.refusals] == [Reason.INSUFFICIENT_QUANTITY]
    assert [type(event) for event in too_much.events] == [e.OrderRefused]
    assert not rig.fill(account_id, sale, "12", "12").refusals
    sold = rig.load(account_id).positions["AAA"]  # type: ignore[index]
    assert (sold.cost, sold.realised) == (D(88), D(32)), "first in, first out"
    rig.do(account_id, c.CancelOrder(sale))
    buys = [rig.place(account_id, "20"), rig.place(account_id, "20")]
    rig.do(account_id, c.CancelOrder(buys[0]))
    rig.do(account_id, c.ReplaceOrder(buys[1], order().order_id, D(21)))
    assert rig.do(account_id, order("10000")).refusals
    _twice(rig, other)
    _beside_a_bad_one(rig, other)
    _failed_commit(rig, other)
    rig.reopen()
    rig.place(other)
    rig.check()


def _twice(rig: Rig, account_id: Any) -> None:
    """Keys, names and executions count once, in one batch, in several and after a restart."""
    key, report = Idempotency("k", b"a" * 32), execution(rig.place(account_id, "10"), "5")
    works = [rig.work(account_id, order("1"), key=key) for _ in range(2)]
    assert [future.result().replayed for future in rig.together(*works)] == [False, True]
    names = [rig.work(account_id, order("1", name="mine")) for _ in range(2)]
    assert [len(future.result().refusals) for future in rig.together(*names)] == [0, 1]
    assert len(rig.do(account_id, order("1", name="my"), order("1", name="my")).refusals) == 1
    reports = [rig.work(account_id, report) for _ in range(2)]
    assert [len(future.result().refusals) for future in rig.together(*reports)] == [0, 1]
    rig.reopen()
    assert rig.do(account_id, order("1"), key=key).replayed
    assert rig.do(account_id, order("1", name="mine")).refusals
    assert rig.do(account_id, report).refusals


def _beside_a_bad_one(rig: Rig, account_id: Any) -> None:
    def fail(_account: Any) -> list[c.Command]:
        raise Conflict("no")

    bad = Work([(account_id, order("7"))], [(account_id, fail)])
    before = rig.load(account_id).held
    good, failed, too = rig.together(rig.work(account_id, order("1")), bad, rig.work(account_id, order("1")))
    assert isinstance(failed.exception(), Conflict)
    assert not good.result().refusals
    assert not too.result().refusals
    assert rig.load(account_id).held == before + 2 * D("11.0011") + 2 * D("0.000001")


def _failed_commit(rig: Rig, account_id: Any) -> None:
    BrokenCommit(rig, committed=False)
    with pytest.raises(OSError, match="disk"):
        rig.do(account_id, order("1"))
    BrokenCommit(rig, committed=True)
    assert rig.do(account_id, order("1")).events
    assert type(rig.do(account_id, c.CancelOrder(rig.place(account_id, "1"))).events[0]) is e.OrderCancelled


@pytest.fixture
def rigs(database: Database) -> Iterator[Callable[[], Rig]]:
    opened: list[Rig] = []

    def make() -> Rig:
        opened.append(Rig(database))
        return opened[-1]

    yield make
    for rig in opened:
        rig.close()


def test_without_a_fault_nothing_is_found(rigs: Callable[[], Rig]) -> None:
    trade(rigs())


def drop_writes(monkeypatch: Patch, start: str) -> None:
    """Have one statement write nothing and say it did."""
    real = Bulk.run_on

    def run_on(self: Bulk, cursor: Any, rows: Any) -> int:
        written = self.sql.replace("\n", " ")
        for column in re.findall(r"=given\.\w+", written):  # as PostgreSQL is given its rows
            written = written.replace(column, "=?", 1)
        return len(rows) if written.startswith(start) else real(self, cursor, rows)

    monkeypatch.setattr(Bulk, "run_on", run_on)


@fault
def a_posting_is_skipped(monkeypatch: Patch) -> None:
    real = Projection._post
    monkeypatch.setattr(
        Projection,
        "_post",
        lambda self, recorded, account, line, entry: line and real(self, recorded, account, line, entry),
    )


@fault
def a_fee_is_not_posted(monkeypatch: Patch) -> None:
    real = ledger._execution

    def without_fee(event: e.OrderFilled) -> list[ledger.Posting]:
        return [entry for entry in real(event) if abs(entry.amount) != event.fee]

    monkeypatch.setattr(ledger, "_execution", without_fee)


@fault
def a_hold_is_released_twice(monkeypatch: Patch) -> None:
    real = applying._finish

    def finish(account: Any, order_id: Any, status: OrderStatus) -> None:
        account.held -= account.orders[order_id].hold
        real(account, order_id, status)

    monkeypatch.setattr(applying, "_finish", finish)


@fault
def a_hold_is_never_released(monkeypatch: Patch) -> None:
    real = applying._finish

    def finish(account: Any, order_id: Any, status: OrderStatus) -> None:
        account.held += account.orders[order_id].hold
        real(account, order_id, status)

    monkeypatch.setattr(applying, "_finish", finish)


@fault
def reserved_shares_are_forgotten(monkeypatch: Patch) -> None:
    monkeypatch.setattr(applying, "reserve", lambda account, symbol, qty: None)


@fault
def lots_are_sold_last_in_first_out(monkeypatch: Patch) -> None:
    real = lotting.relieve
    monkeypatch.setattr(lotting, "relieve", lambda position, qty, *_: real(position, qty, LotMethod.LIFO))


@fault
def idempotency_is_swallowed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(batching.Batch, "_earlier", lambda self, account_id, key: None)


@fault
def idempotency_records_are_not_kept(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "INSERT INTO idempotency_keys")


@fault
def a_replay_forgets_what_happened(monkeypatch: Patch) -> None:
    real = working.Outcome.recall
    monkeypatch.setattr(working.Outcome, "recall", lambda stored: real(stored)._replace(replayed=False))


@fault
def names_and_executions_are_not_looked_up(monkeypatch: Patch) -> None:
    monkeypatch.setattr(batching.Batch, "_taken", lambda self, account_id, command: None)


@fault
def names_of_the_same_batch_are_not_seen(monkeypatch: Patch) -> None:
    monkeypatch.setattr(batching.Batch, "_use", lambda self, account_id, event: None)


@fault
def execution_ids_are_not_kept(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "INSERT INTO execution_ids")


@fault
def the_commit_is_skipped(monkeypatch: Patch) -> None:
    real = CommandPath._transact

    def transact(self: CommandPath, works: list[Work]) -> Any:
        self._database.writer.dialect.do_commit = lambda connection: connection.rollback()  # type: ignore[method-assign]
        return real(self, works)

    monkeypatch.setattr(CommandPath, "_transact", transact)


@fault
def a_failed_commit_is_taken_for_a_good_one(monkeypatch: Patch) -> None:
    monkeypatch.setattr(CommandPath, "_settle", lambda self, batch, error: None)


@fault
def a_failed_commit_is_taken_for_a_bad_one(monkeypatch: Patch) -> None:
    def settle(self: CommandPath, batch: Any, error: Exception) -> None:
        self._disconnect()
        raise error

    monkeypatch.setattr(CommandPath, "_settle", settle)


@fault
def memory_outlives_a_rollback(monkeypatch: Patch) -> None:
    monkeypatch.setattr(remembering.Memory, "forget", lambda self: None)


@fault
def a_bad_work_takes_its_batch_along(monkeypatch: Patch) -> None:
    def commit(self: CommandPath, works: list[Work]) -> None:
        try:
            batch = self._transact(works)
        except Exception as error:  # noqa: BLE001
            self._memory.forget()
            for work in works:
                work.answer = error
        else:
            self._publish(batch, works)

    monkeypatch.setattr(CommandPath, "_commit", commit)


@fault
def a_bad_work_runs_twice(monkeypatch: Patch) -> None:
    real = batching.Batch.run

    def run(self: batching.Batch, work: Work) -> Any:
        real(self, work)
        return real(self, work)

    monkeypatch.setattr(batching.Batch, "run", run)


@fault
def refused_orders_are_not_recorded(monkeypatch: Patch) -> None:
    real = batching.decide

    def decide(*arguments: Any) -> Any:
        decision = real(*arguments)
        return Decision((), decision.refusal) if decision.refusal is not None else decision

    monkeypatch.setattr(batching, "decide", decide)


@fault
def the_last_event_is_not_written(monkeypatch: Patch) -> None:
    real = journaling.Appends._chain
    monkeypatch.setattr(journaling.Appends, "_chain", lambda self: real(self)[:-1])


@fault
def the_chain_starts_over(monkeypatch: Patch) -> None:
    real = journaling.Appends._chain

    def chain(self: journaling.Appends) -> list[dict[str, Any]]:
        return [row | {"prev_hash": journaling.FIRST_HASH} for row in real(self)]

    monkeypatch.setattr(journaling.Appends, "_chain", chain)


@fault
def a_position_is_left_out(monkeypatch: Patch) -> None:
    real = journaling.Journal.number

    def number(self: journaling.Journal, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"position": row["position"] + 1} for row in real(self, rows)]

    monkeypatch.setattr(journaling.Journal, "number", number)


@fault
def a_head_stays_behind(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "UPDATE stream_heads")


@fault
def a_fill_does_not_change_its_order(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "UPDATE orders SET hold=?, status=?, filled_qty")


@fault
def an_ended_order_keeps_its_row(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "UPDATE orders SET hold=?, status=?, updated_at")


@fault
def used_lots_stay_open(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "UPDATE lots")


@fault
def positions_are_not_written(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "INSERT INTO positions")


@fault
def balances_are_not_written(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "UPDATE accounts SET cash")


@fault
def holds_are_not_written(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "UPDATE accounts SET held")


@fault
def fills_are_not_written(monkeypatch: Patch) -> None:
    drop_writes(monkeypatch, "INSERT INTO fills")


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found(name: str, rigs: Callable[[], Rig], monkeypatch: Patch) -> None:
    rig = rigs()
    FAULTS[name](monkeypatch)
    with pytest.raises((Exception, pytest.fail.Exception)) as found:  # a check's, or the platform's own alarm
        trade(rig)
    assert not isinstance(found.value, TypeError | AttributeError | NameError), "the fault itself is at fault"
    monkeypatch.undo()
