"""What a key is bound to holds exactly, whatever is sent at once and by whichever process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa

import traderbot.users.tables as u
from traderbot.infra.clock import WallClock
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.errors import Unauthorized
from traderbot.model.grants import Grant
from traderbot.model.orders import Side
from traderbot.trading.command_path import CommandPath
from traderbot.trading.work import Idempotency, Outcome, Work
from trading.rig import BBB, SESSION, Rig, StillMarket, order

pytestmark = pytest.mark.integration

D = Decimal
COST = D("110")  # of ten at a market of ten dollars and a collar of ten percent


def granted(rig: Rig, daily: str | None = None, symbols: frozenset[str] | None = None) -> Grant:
    """A key on record with these bounds."""
    user, key = new_id(), new_id()

    def job(connection: sa.Connection) -> None:
        connection.execute(
            sa.insert(u.users).values(
                id=user, email=f"{user}@example.com", display_name="x", password_hash="x", role="trader",
                active=True, created_at=0,
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(u.api_keys).values(
                id=key, user_id=user, name="k", prefix="tb_", key_hash=str(key), created_at=0
            )
        )
        connection.execute(sa.insert(u.grant_spending).values(key_id=key, day=0, spent=0))

    rig.path.write(job)
    return Grant(key, symbols, None if daily is None else D(daily))  # type: ignore[arg-type]


def ask(
    rig: Rig, account_id: UUID, command: c.Command, grant: Grant, key: Idempotency | None = None
) -> Outcome:
    return rig.path.submit(Work(commands=[(account_id, command)], grant=grant, key=key))


def spent(rig: Rig, grant: Grant) -> Decimal:
    query = sa.select(u.grant_spending.c.spent).where(u.grant_spending.c.key_id == grant.key_id)
    found: Decimal = rig.read(lambda connection: connection.execute(query).scalar())
    return found


@pytest.fixture
def account_id(rig: Rig) -> UUID:
    return rig.open()


def reason(outcome: Outcome) -> str:
    assert outcome.refusal is not None
    return outcome.refusal.reason.value


def test_a_symbol_that_is_not_granted_is_refused_and_on_record(rig: Rig, account_id: UUID) -> None:
    grant = granted(rig, symbols=frozenset({BBB}))
    refused = ask(rig, account_id, order(), grant)
    assert reason(refused) == "symbol_not_granted"
    assert [type(event).__name__ for event in refused.events] == ["OrderRefused"]
    own = rig.place(account_id)
    assert reason(ask(rig, account_id, c.ReplaceOrder(own, new_id(), D("5")), grant)) == "symbol_not_granted"  # type: ignore[arg-type]
    assert ask(rig, account_id, c.CancelOrder(own), grant).refusal is None
    rig.check()


def test_a_budget_is_spent_to_the_cent_and_no_further(rig: Rig, account_id: UUID) -> None:
    grant = granted(rig, daily="219.999999")
    assert ask(rig, account_id, order(), grant).refusal is None
    assert spent(rig, grant) == COST
    refused = ask(rig, account_id, order(), grant)
    assert reason(refused) == "daily_notional_spent"
    assert refused.refusal is not None
    assert "(limit 219.999999, spent 110.000000, asked 110.000000)" in refused.refusal.detail
    assert spent(rig, grant) == COST
    assert reason(ask(rig, account_id, order("1000000"), grant)) != "daily_notional_spent"
    exact = granted(rig, daily="220")
    for _ in range(2):
        assert ask(rig, account_id, order(), exact).refusal is None
    assert spent(rig, exact) == 2 * COST
    rig.check()


def test_a_replay_spends_once(rig: Rig, account_id: UUID) -> None:
    grant, key = granted(rig, daily="1000"), Idempotency("k", b"x" * 32)
    for _ in range(3):
        assert ask(rig, account_id, order(), grant, key).refusal is None
    assert spent(rig, grant) == COST


def test_what_reduces_or_cancels_spends_nothing(rig: Rig, account_id: UUID) -> None:
    grant = granted(rig, daily="110")
    rig.own(account_id)
    bought = order()
    assert ask(rig, account_id, bought, grant).refusal is None
    assert ask(rig, account_id, c.CancelOrder(bought.order_id), grant).refusal is None
    sold = order(side=Side.SELL)
    assert ask(rig, account_id, sold, grant).refusal is None
    assert spent(rig, grant) == COST, "what a cancelled order did not use is not given back"
    rig.do(account_id, c.CancelOrder(sold.order_id))
    assert reason(ask(rig, account_id, order("1"), grant)) == "daily_notional_spent"


def test_a_short_sale_spends_and_covering_it_does_not(rig: Rig) -> None:
    account_id = rig.open(kind=AccountKind.MARGIN)
    grant = granted(rig, daily="110")
    sale = order(side=Side.SELL)
    assert ask(rig, account_id, sale, grant).refusal is None
    assert spent(rig, grant) == COST
    rig.fill(account_id, sale.order_id)
    assert reason(ask(rig, account_id, order("1", Side.SELL), grant)) == "daily_notional_spent"
    assert ask(rig, account_id, order(), grant).refusal is None


def test_a_replacement_spends_what_it_adds(rig: Rig, account_id: UUID) -> None:
    grant = granted(rig, daily="165")
    first = order(limit="10")
    assert ask(rig, account_id, first, grant).refusal is None
    assert spent(rig, grant) == 100
    larger = c.ReplaceOrder(first.order_id, new_id(), D("16"))  # type: ignore[arg-type]
    assert ask(rig, account_id, larger, grant).refusal is None
    assert spent(rig, grant) == 160
    smaller = c.ReplaceOrder(larger.new_order_id, new_id(), D("1"))  # type: ignore[arg-type]
    assert ask(rig, account_id, smaller, grant).refusal is None
    assert spent(rig, grant) == 160
    again = c.ReplaceOrder(smaller.new_order_id, new_id(), D("2"))  # type: ignore[arg-type]
    assert reason(ask(rig, account_id, again, grant)) == "daily_notional_spent"
    rig.check()


def test_a_new_day_has_a_new_budget_and_a_clock_put_back_none(rig: Rig, account_id: UUID) -> None:
    grant = granted(rig, daily="110")
    assert ask(rig, account_id, order(), grant).refusal is None
    today = WallClock().now() // 86_400_000_000

    def stand_at(day: int) -> None:
        move = sa.update(u.grant_spending).where(u.grant_spending.c.key_id == grant.key_id)
        rig.path.write(lambda connection: connection.execute(move.values(day=day)))

    stand_at(today + 1)
    assert reason(ask(rig, account_id, order(), grant)) == "daily_notional_spent"
    stand_at(today - 1)
    assert ask(rig, account_id, order(), grant).refusal is None
    assert spent(rig, grant) == COST


def test_a_key_that_is_gone_trades_no_more(rig: Rig, account_id: UUID) -> None:
    grant = Grant(new_id(), None, D("1000"))  # type: ignore[arg-type]
    with pytest.raises(Unauthorized):
        ask(rig, account_id, order(), grant)


@pytest.fixture
def second(database: Database, rig: Rig) -> Iterator[CommandPath]:
    """Another writer where the database has room for one, else the same."""
    if not database.shared:
        yield rig.path
        return
    path = CommandPath(database, WallClock())
    path.submit(Work(markets={SESSION: StillMarket()}))
    yield path
    path.close()


def test_thirty_orders_at_once_and_money_for_one(rig: Rig, second: CommandPath) -> None:
    """In thirty accounts, so that nothing but the key's own row is between them."""
    grant = granted(rig, daily="110")
    accounts = [rig.open() for _ in range(30)]
    works = [Work(commands=[(account_id, order())], grant=grant) for account_id in accounts]
    paths = [rig.path, second]
    with ThreadPoolExecutor(30) as pool:
        futures = [pool.submit(paths[n % 2].submit, work) for n, work in enumerate(works)]
        outcomes = [future.result() for future in futures]
    assert sum(outcome.refusal is None for outcome in outcomes) == 1
    assert {reason(one) for one in outcomes if one.refusal} == {"daily_notional_spent"}
    assert spent(rig, grant) == COST
    rig.check()
