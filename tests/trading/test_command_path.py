"""The contract of the command path, on real databases."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from traderbot.engine import apply as applying
from traderbot.infra.events.journal import Meta, read, read_all
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.errors import Conflict, InvariantBroken, NotFound, Unavailable
from traderbot.model.orders import Side
from traderbot.model.reasons import Reason
from traderbot.trading import tables as t
from traderbot.trading.command_path import AccountFailed, OutcomeUnknown
from traderbot.trading.work import Idempotency, Work
from trading.rig import SESSION, D, Rig, execution, order

pytestmark = pytest.mark.integration


def commits(rig: Rig) -> list[int]:
    """How many events each commit from now on appends."""
    sizes: list[int] = []
    rig.path.listen(lambda recorded: sizes.append(len(recorded)))
    return sizes


def events_of(rig: Rig, account_id: Any, kind: type[e.Event]) -> list[Any]:
    recorded = rig.read(lambda connection: read(connection, stream=f"account:{account_id}", limit=10_000))
    return [entry.event for entry in recorded if isinstance(entry.event, kind)]


def test_waiting_works_share_one_commit(rig: Rig) -> None:
    accounts = [rig.open() for _ in range(5)]
    sizes = commits(rig)
    futures = rig.together(*(rig.work(account_id, order()) for account_id in accounts for _ in range(4)))
    assert all(not future.result().refusals for future in futures)
    assert [size for size in sizes if size] == [20]
    rig.check()


def test_a_refusal_does_not_stop_the_rest(rig: Rig) -> None:
    account_id = rig.open()
    outcome = rig.do(account_id, order("10"), order("1000000"), order("20"))
    assert [type(event) for event in outcome.events] == [e.OrderPlaced, e.OrderRefused, e.OrderPlaced]
    assert outcome.refusal is not None
    assert outcome.refusal.reason is Reason.ORDER_VALUE_LIMIT
    rig.check()


def test_the_same_request_under_the_same_key_is_answered_again(rig: Rig) -> None:
    account_id, key = rig.open(), Idempotency("k", b"a" * 32)
    first = rig.do(account_id, order("10"), key=key)
    rig.reopen()
    second = rig.do(account_id, order("10"), key=key)
    assert (second.replayed, second.events) == (True, first.events)
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 1
    rig.check()


def test_a_refusal_is_replayed_as_well(rig: Rig) -> None:
    account_id, key = rig.open("1"), Idempotency("k", b"a" * 32)
    first = rig.do(account_id, order("10"), key=key)
    second = rig.do(account_id, order("10"), key=key)
    assert first.refusals
    assert (second.replayed, second.refusals) == (True, first.refusals)


def test_another_request_under_the_same_key_is_refused(rig: Rig) -> None:
    account_id = rig.open()
    rig.do(account_id, order("10"), key=Idempotency("k", b"a" * 32))
    other = rig.do(account_id, order("11"), key=Idempotency("k", b"b" * 32))
    assert [refusal.reason for refusal in other.refusals] == [Reason.IDEMPOTENCY_KEY_REUSED]
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 1


def test_keys_of_accounts_are_apart(rig: Rig) -> None:
    accounts, key = [rig.open(), rig.open()], Idempotency("k", b"a" * 32)
    assert [rig.do(account_id, order(), key=key).replayed for account_id in accounts] == [False, False]


@pytest.mark.parametrize("batched", [True, False])
def test_one_order_comes_of_many_equal_requests_at_once(rig: Rig, batched: bool) -> None:
    account_id, key = rig.open(), Idempotency("k", b"a" * 32)
    works = [rig.work(account_id, order(), key=key) for _ in range(20)]
    if batched:
        outcomes = [future.result() for future in rig.together(*works)]
    else:
        with ThreadPoolExecutor(20) as pool:
            outcomes = list(pool.map(rig.path.submit, works))
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 19
    assert len({outcome.events[0].order_id for outcome in outcomes}) == 1  # type: ignore[attr-defined]
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 1


@pytest.mark.parametrize("batched", [True, False])
def test_a_client_order_id_is_unique_for_ever(rig: Rig, batched: bool) -> None:
    account_id, other = rig.open(), rig.open()
    works = [rig.work(account_id, order(name="mine")) for _ in range(3)] + [
        rig.work(other, order(name="mine"))
    ]
    if batched:
        outcomes = [future.result() for future in rig.together(*works)]
    else:
        outcomes = [rig.path.submit(work) for work in works]
    reasons = [outcome.refusal and outcome.refusal.reason for outcome in outcomes]
    assert reasons == [None, Reason.DUPLICATE_CLIENT_ORDER_ID, Reason.DUPLICATE_CLIENT_ORDER_ID, None]
    rig.do(account_id, c.CancelOrder(outcomes[0].events[0].order_id))  # type: ignore[attr-defined]
    rig.reopen()
    again = rig.do(account_id, order(name="mine"))
    assert again.refusal is not None
    assert again.refusal.reason is Reason.DUPLICATE_CLIENT_ORDER_ID
    rig.check()


def test_a_refused_order_does_not_use_up_its_client_order_id(rig: Rig) -> None:
    account_id = rig.open()
    outcome = rig.do(account_id, order("1000000", name="mine"), order("1", name="mine"))
    assert [type(event) for event in outcome.events] == [e.OrderRefused, e.OrderPlaced]


def test_the_id_of_an_order_without_a_name_is_its_name(rig: Rig) -> None:
    account_id = rig.open()
    unnamed = order()
    named = order(name=str(unnamed.order_id))
    first, second = rig.together(rig.work(account_id, unnamed), rig.work(account_id, named))
    assert not first.result().refusals
    assert second.result().refusals[0].reason is Reason.DUPLICATE_CLIENT_ORDER_ID


def test_replace_takes_a_client_order_id_too(rig: Rig) -> None:
    account_id = rig.open()
    rig.place(account_id, name="mine")
    order_id = rig.place(account_id)
    taken = rig.do(account_id, c.ReplaceOrder(order_id, new_id(), D(5), client_order_id="mine"))
    assert taken.refusals[0].reason is Reason.DUPLICATE_CLIENT_ORDER_ID
    assert not rig.do(account_id, c.ReplaceOrder(order_id, new_id(), D(5), client_order_id="new")).refusals
    rig.check()


@pytest.mark.parametrize("batched", [True, False])
def test_an_execution_counts_once(rig: Rig, batched: bool) -> None:
    account_id = rig.open()
    command = execution(rig.place(account_id, "10"), "4")
    works = [rig.work(account_id, command) for _ in range(3)]
    if batched:
        outcomes = [future.result() for future in rig.together(*works)]
    else:
        outcomes = [rig.path.submit(work) for work in works]
        rig.reopen()
        outcomes[2] = rig.path.submit(rig.work(account_id, command))
    reasons = [outcome.refusal and outcome.refusal.reason for outcome in outcomes]
    assert reasons == [None, Reason.DUPLICATE_EXECUTION, Reason.DUPLICATE_EXECUTION]
    assert rig.load(account_id).positions["AAA"].qty == 4  # type: ignore[index]
    rig.check()


def test_a_failing_job_takes_nobody_along(rig: Rig) -> None:
    accounts = [rig.open() for _ in range(4)]

    def fail(connection: sa.Connection) -> None:
        connection.execute(sa.delete(t.accounts))
        raise Conflict("no")

    works = [rig.work(account_id, order()) for account_id in accounts]
    futures = rig.together(*works[:2], Work(job=fail), *works[2:])
    assert [type(future.exception()) for future in futures] == [
        type(None),
        type(None),
        Conflict,
        type(None),
        type(None),
    ]
    assert all(len(events_of(rig, account_id, e.OrderPlaced)) == 1 for account_id in accounts)
    rig.check()


def test_a_broken_account_takes_nobody_along(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [rig.open() for _ in range(3)]
    real = applying.apply

    def apply(account: Any, event: e.Event) -> None:
        real(account, event)
        if account.id == accounts[1]:
            raise InvariantBroken("these books do not add up")

    monkeypatch.setattr("traderbot.trading.batch.apply", apply)
    futures = rig.together(*(rig.work(account_id, order()) for account_id in accounts))
    assert isinstance(futures[1].exception(), AccountFailed)
    assert [future.exception() is None for future in futures] == [True, False, True]
    monkeypatch.undo()
    assert [len(events_of(rig, account_id, e.OrderPlaced)) for account_id in accounts] == [1, 0, 1]
    assert rig.load(accounts[1]).held == 0
    rig.place(accounts[1])
    rig.check()


def test_an_unknown_account_is_not_found(rig: Rig) -> None:
    account_id = rig.open()
    good, bad = rig.together(rig.work(account_id, order()), rig.work(new_id(), order()))
    assert not good.result().refusals
    assert isinstance(bad.exception(), NotFound)


def test_rolled_back_work_leaves_nothing_in_memory(rig: Rig) -> None:
    account_id = rig.open("1000")

    def fail(account: Any) -> list[c.Command]:
        raise Conflict("changed my mind")

    with pytest.raises(Conflict):
        rig.path.submit(
            Work([(account_id, order("50"))], [(account_id, fail)], markets={SESSION: rig.market})
        )
    assert rig.load(account_id).held == 0
    assert not rig.do(account_id, order("80")).refusals  # it would not fit beside the one thrown away
    rig.check()


class BrokenCommit:
    """A COMMIT that fails once, after or before the transaction was committed."""

    def __init__(self, rig: Rig, *, committed: bool) -> None:
        self.dialect = rig.database.writer.dialect
        self.real = self.dialect.do_commit
        self.committed = committed
        self.dialect.do_commit = self.fail  # type: ignore[method-assign]

    def fail(self, connection: Any) -> None:
        self.dialect.do_commit = self.real  # type: ignore[method-assign]
        if self.committed:
            self.real(connection)
        raise OSError("the disk went away")


def test_a_failed_commit_that_did_commit_is_answered_as_committed(rig: Rig) -> None:
    accounts = [rig.open(), rig.open()]
    rig.together()
    BrokenCommit(rig, committed=True)
    outcome = rig.do(accounts[0], order())
    assert isinstance(outcome.events[0], e.OrderPlaced)
    assert len(events_of(rig, accounts[0], e.OrderPlaced)) == 1
    rig.place(accounts[1])
    rig.check()


def test_a_failed_commit_that_did_not_commit_is_an_error(rig: Rig) -> None:
    account_id = rig.open()
    BrokenCommit(rig, committed=False)
    with pytest.raises(OSError, match="disk"):
        rig.do(account_id, order())
    assert events_of(rig, account_id, e.OrderPlaced) == []
    rig.place(account_id)
    rig.check()


def test_a_failed_commit_of_many_runs_them_one_by_one(rig: Rig) -> None:
    accounts = [rig.open() for _ in range(3)]
    works = [rig.work(account_id, order()) for account_id in accounts]
    first = Work(job=lambda _connection: BrokenCommit(rig, committed=False))
    futures = rig.together(first, *works)
    for future in futures[1:]:
        assert not future.result().refusals
    assert [len(events_of(rig, account_id, e.OrderPlaced)) for account_id in accounts] == [1, 1, 1]
    rig.check()


@pytest.mark.parametrize("committed", [True, False])
def test_a_failed_commit_nobody_can_settle_is_not_tried_again(rig: Rig, committed: bool) -> None:
    runs: list[int] = []

    def job(_connection: sa.Connection) -> None:
        runs.append(1)
        BrokenCommit(rig, committed=committed)

    with pytest.raises(OutcomeUnknown):
        rig.path.write(job)
    assert runs == [1]
    rig.open()
    rig.check()


def test_of_a_hundred_orders_at_once_with_cash_for_one_one_is_accepted(rig: Rig) -> None:
    account_id = rig.open("115")
    with ThreadPoolExecutor(100) as pool:
        outcomes = list(pool.map(lambda _: rig.do(account_id, order("10")), range(100)))
    assert sum(not outcome.refusals for outcome in outcomes) == 1
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 1
    assert len(events_of(rig, account_id, e.OrderRefused)) == 99
    rig.check()


def test_a_sale_and_its_cancel_and_fill_at_once_end_in_a_legal_state(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10")
    sale = rig.place(account_id, "10", Side.SELL)
    commands = [
        c.CancelOrder(sale),
        c.ReplaceOrder(sale, new_id(), D(5)),
        execution(sale),
        order("10", Side.SELL),
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda command: rig.do(account_id, command), commands))
    rig.check()


def test_close_commits_what_waits(rig: Rig) -> None:
    accounts = [rig.open() for _ in range(3)]
    busy = threading.Event()
    rig.path.enqueue(Work(job=lambda _connection: busy.wait(10)))
    futures = [rig.path.enqueue(rig.work(account_id, order())) for account_id in accounts]
    closing = threading.Thread(target=rig.path.close)
    closing.start()
    busy.set()
    closing.join(10)
    assert not closing.is_alive()
    assert all(not future.result(0).refusals for future in futures)
    rig.check()


def test_work_after_close_is_refused(rig: Rig) -> None:
    account_id = rig.open()
    rig.path.close()
    with pytest.raises(Unavailable):
        rig.do(account_id, order())
    with pytest.raises(Unavailable):
        asyncio.run(rig.path.asubmit(rig.work(account_id, order())))


def test_work_of_a_cancelled_caller_is_done(rig: Rig) -> None:
    account_id = rig.open()
    busy = threading.Event()

    async def give_up() -> None:
        rig.path.enqueue(Work(job=lambda _connection: busy.wait(10)))
        task = asyncio.create_task(rig.path.asubmit(rig.work(account_id, order())))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        busy.set()

    asyncio.run(give_up())
    rig.place(account_id)  # the loop is gone; the writer goes on
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 2
    rig.check()


def test_what_was_handed_over_can_no_longer_be_cancelled(rig: Rig) -> None:
    account_id = rig.open()
    future = rig.path.enqueue(rig.work(account_id, order()))
    assert not future.cancel()
    assert not future.result(10).refusals


def test_a_listener_sees_every_event_in_order_and_cannot_undo_a_commit(rig: Rig) -> None:
    seen: list[int] = []

    def listen(recorded: list[Any]) -> None:
        seen.extend(entry.position for entry in recorded)
        raise RuntimeError("listener at fault")

    rig.path.listen(listen)
    account_id = rig.open()
    rig.place(account_id)
    assert seen == rig.read(lambda connection: [entry.position for entry in read_all(connection)])


def test_plans_see_the_account_as_it_then_is(rig: Rig) -> None:
    account_id = rig.open()
    held: list[Any] = []

    def cancel_all(account: Any) -> list[c.Command]:
        held.append(account.held)
        return [c.CancelOrder(order_id) for order_id in account.orders]

    work = Work([(account_id, order())], [(account_id, cancel_all)], markets={SESSION: rig.market})
    outcome = rig.path.submit(work)
    assert [type(event) for event in outcome.events] == [e.OrderPlaced, e.OrderCancelled]
    assert held[0] > 0
    rig.check()


def test_facts_and_who_did_it_are_recorded(rig: Rig) -> None:
    account_id = rig.open()
    rules = e.RulesChanged({"version": 2, "halted": "stop"})
    rig.path.submit(Work(facts=[("rules", rules)], meta=Meta(actor="user:1", request="r1")))
    refused = rig.do(account_id, order())
    assert refused.refusals[0].reason is Reason.PLATFORM_HALTED
    recorded = rig.read(lambda connection: read(connection, stream="rules"))
    assert recorded[0].meta == Meta(actor="user:1", request="r1")
    rig.check()


def test_a_second_writer_is_noticed_before_anything_is_committed(rig: Rig) -> None:
    """On PostgreSQL it is a colleague, on SQLite an intruder."""
    account_id = rig.open()
    rig.place(account_id)
    other = Rig.__new__(Rig)
    other.database, other.market = rig.database, rig.market
    other.path = type(rig.path)(rig.database, rig.path._clock)
    other.place(account_id)
    other.path.close()
    if not rig.database.shared:
        with pytest.raises(Exception, match=r"UNIQUE|another writer"):
            rig.do(account_id, order())
    rig.place(account_id)  # what was remembered is read again
    assert len(events_of(rig, account_id, e.OrderPlaced)) == 3
    rig.check()
