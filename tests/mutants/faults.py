"""The faults: what is replaced by what, in which file, and the checks that are to find it, quickest first."""

from typing import NamedTuple

SEEDS = ("memory",)
STORED = ("sqlite",)


class Fault(NamedTuple):
    """file: below the package. old: occurs once in it. checks: as `mutants.run` knows them."""

    name: str
    file: str
    old: str
    new: str
    checks: tuple[str, ...] = SEEDS


_LOTS, _EXECUTING, _WORKING = "engine/lots.py", "engine/executing.py", "engine/working.py"
_APPLY, _CHECKS, _LIMITS = "engine/apply.py", "engine/checks.py", "engine/limits.py"
_MONEY, _ACTIONS, _PLACING = "engine/money.py", "engine/corporate_actions.py", "engine/placing.py"
_ROUNDING, _BATCH, _JOURNAL = "model/rounding.py", "trading/batch.py", "infra/events/journal.py"

FAULTS = (
    Fault("lifo uses the oldest lot", _LOTS, "        ordered.reverse()", "        pass"),
    Fault(
        "the cheapest lot goes first",
        _LOTS,
        "ordered.sort(key=_cost_of_a_share, reverse=True)",
        "ordered.sort(key=_cost_of_a_share)",
    ),
    Fault(
        "named lots are ignored",
        _LOTS,
        "return first + [lot for lot in ordered if lot.number not in chosen]",
        "return ordered",
    ),
    Fault(
        "part of a lot takes its whole cost",
        _LOTS,
        "parts.append(Relief(lot.number, part, rounding.pro_rata(lot.cost, part, lot.qty)))",
        "parts.append(Relief(lot.number, part, lot.cost))",
    ),
    Fault("a flip only closes", _LOTS, "    if closing == qty:", "    if closing <= qty:"),
    Fault(
        "the cost of a part is in whole cents",
        _ROUNDING,
        "return Money(_HALF_EVEN.quantize(_HALF_EVEN.divide(total * part, whole), MONEY_STEP))",
        "return Money(_HALF_EVEN.quantize(_HALF_EVEN.divide(total * part, whole), _CENT))",
    ),
    Fault(
        "the value of an execution is in whole cents",
        _ROUNDING,
        "return Money(_HALF_EVEN.quantize(qty * price, MONEY_STEP))",
        "return Money(_HALF_EVEN.quantize(qty * price, _CENT))",
    ),
    Fault(
        "a hold forgets the fee",
        _ROUNDING,
        "return Money(_UP.quantize(qty * price_max * (_ONE + fee_rate), MONEY_STEP) + MONEY_STEP)",
        "return Money(_UP.quantize(qty * price_max, MONEY_STEP) + MONEY_STEP)",
    ),
    Fault(
        "a split is rounded up",
        _ROUNDING,
        "scaled = _DOWN.quantize(_DOWN.divide(qty * new, old), _QUANTITY)",
        "scaled = _UP.quantize(_UP.divide(qty * new, old), _QUANTITY)",
    ),
    Fault(
        "a partial execution frees the hold",
        _EXECUTING,
        "    open_hold = not done and order.hold\n",
        "    open_hold = not done and order.notional\n",
    ),
    Fault(
        "an execution may cost more than there is",
        _EXECUTING,
        "    if purse < NOTHING:",
        "    if purse < -9999:",
    ),
    Fault(
        "a sale may be of more than is held",
        _EXECUTING,
        "if order.side is _SELL and qty > (owned",
        "if order.side is Side.SELL and -qty > (owned",
        (*SEEDS, "tests/engine/test_executing.py"),
    ),
    Fault(
        "an execution may be larger than its order",
        _EXECUTING,
        "    if order.filled_qty + qty > order.qty:",
        "    if order.filled_qty + qty > order.qty + 99999:",
    ),
    Fault(
        "exits wake before their entry is filled",
        _EXECUTING,
        "return _wake(account, others, filled) if done else []",
        "return _wake(account, others, filled)",
    ),
    Fault(
        "a filled exit leaves the other one open",
        _EXECUTING,
        "events.append(e.OrderCancelled(filled.at, other.id, Reason.SIBLING_FILLED))",
        "pass",
    ),
    Fault(
        "exits are for more shares than are free",
        _EXECUTING,
        "Quantity(min(leg.qty, free))",
        "Quantity(leg.qty)",
        (*SEEDS, "tests/engine/test_executing.py"),
    ),
    Fault(
        "an overdrawn account trades on",
        _EXECUTING,
        "    if not owes or account.halted is not None:",
        "    if owes or account.halted is not None:",
    ),
    Fault(
        "the end of one leaves its group open",
        _WORKING,
        "        for other in members(account, order)\n        if",
        "        for other in members(account, order)[:0]\n        if",
    ),
    Fault(
        "an unknown order is cancelled by its owner",
        _WORKING,
        "    if order.status is OrderStatus.UNKNOWN and command.reason in _ASKED:",
        "    if order.status is OrderStatus.HELD and command.reason is Reason.DELISTED:",
    ),
    Fault(
        "a trailing mark moves back",
        _WORKING,
        "not (command.hwm < best if buying else command.hwm > best)",
        "command.hwm == best",
    ),
    Fault("a closed order keeps its hold", _APPLY, "        account.held -= order.hold\n", "        pass\n"),
    Fault(
        "sales reserve nothing",
        _APPLY,
        "            reserve(account, event.symbol, reserved)\n    if event.hold:",
        "            pass\n    if event.hold:",
    ),
    Fault("gains are not kept", _APPLY, "        position.realised += gain\n", "        pass\n"),
    Fault(
        "a fee is not posted",
        "engine/ledger.py",
        "entries += (Posting(CASH, None, -fee), Posting(FEES, symbol, fee))",
        "entries += ()",
    ),
    Fault(
        "the halt of an account is overlooked",
        _CHECKS,
        "        lambda case: case.account.halted is not None and not case.closes,",
        "        lambda case: False,",
    ),
    Fault(
        "the halt of a symbol is overlooked",
        _CHECKS,
        "return symbol in case.rules.halted_symbols or symbol in case.account.halted_symbols",
        "return symbol in case.rules.halted_symbols",
    ),
    Fault(
        "own orders may cross",
        _CHECKS,
        "return bool(case.account.orders) and _crossed(case) is not None",
        "return False",
    ),
    Fault(
        "cash is not looked at",
        _CHECKS,
        "return bool(case.opens) and case.hold > case.spare",
        "return False",
    ),
    Fault(
        "a margin call stops nothing",
        _CHECKS,
        "        lambda case: case.account.margin_call is not None and bool(case.opens),",
        "        lambda case: False,",
    ),
    Fault(
        "the looser of two limits counts", _LIMITS, "    return min(one, other)", "    return max(one, other)"
    ),
    Fault(
        "a restricted symbol is bought",
        _LIMITS,
        "        lambda case, limit: case.order.symbol in limit,",
        "        lambda case, limit: False,",
    ),
    Fault(
        "a position limit forgets open orders",
        _LIMITS,
        "        lambda case, limit: case.stake.qty > limit,",
        "        lambda case, limit: abs(case.account.quantity(case.order.symbol)) > limit,",
    ),
    Fault(
        "any code lifts a halt",
        "engine/halts.py",
        "    return lifting.get(symbol or _WHOLE) == code",
        "    return True",
    ),
    Fault("a loan costs nothing", _MONEY, "    if account.cash < 0:", "    if account.cash < -(10**12):"),
    Fault(
        "more is withdrawn than there is",
        _MONEY,
        "    if command.amount > most:",
        "    if command.amount > most + 100:",
    ),
    Fault(
        "a short position earns its dividend",
        _ACTIONS,
        "cash=rounding.dividend(owned, action.amount)",
        "cash=rounding.dividend(abs(owned), action.amount)",
    ),
    Fault(
        "a split loses a lot",
        _ACTIONS,
        "    return tuple(lots), after\n",
        "    return tuple(lots[:-1]), after\n",
    ),
    Fault(
        "a delisting leaves orders open",
        _ACTIONS,
        "cancelled = _cancel(_open_orders(account, action.symbol), market, Reason.DELISTED)",
        "cancelled = _cancel([], market, Reason.DELISTED)",
    ),
    Fault(
        "orders keep the old symbol",
        _ACTIONS,
        "    account.rename_orders(symbol, new_symbol)\n",
        "",
    ),
    Fault(
        "a replacement forgets what was filled",
        _PLACING,
        "        qty=Quantity(total - old.filled_qty),",
        "        qty=Quantity(total),",
    ),
    Fault(
        "margin forgets the open orders",
        "engine/exposure.py",
        "    return at.equity - requirement(at, rules) - needed\n",
        "    return at.equity - requirement(at, rules)\n",
    ),
    Fault(
        "a key answers another request",
        _BATCH,
        "same = earlier[0] == work.key.request_hash",
        "same = bool(work.key.request_hash)",
        STORED,
    ),
    Fault(
        "a key is not recorded",
        _BATCH,
        "        if work.key is not None:\n            self._remember(work, outcome)",
        "        if work.key is None and outcome.replayed:\n            self._remember(work, outcome)",
        STORED,
    ),
    Fault(
        "the chain forgets the event before",
        _JOURNAL,
        "            prev_hash = self.heads[stream].hash\n",
        "            prev_hash = FIRST_HASH\n",
        STORED,
    ),
    Fault("versions leave one out", _JOURNAL, "        version += 1\n", "        version += 2\n", STORED),
    Fault(
        "a rolled back account is remembered",
        "trading/command_path.py",
        "                self._memory.forget()\n                if not",
        "                if not",
        STORED,
    ),
    Fault(
        "the first event of a commit is not delivered",
        "trading/command_path.py",
        "listener(batch.appends.recorded)",
        "listener(batch.appends.recorded[1:])",
        STORED,
    ),
    Fault(
        "a used up lot stays open",
        "trading/projection.py",
        '                "closed_at": None if lot else at,',
        '                "closed_at": None,',
        STORED,
    ),
    Fault(
        "the table of orders keeps the old status",
        "trading/order_rows.py",
        "            status=str(event.status),\n            hold=event.hold,",
        "            hold=event.hold,",
        STORED,
    ),
    Fault(
        "lots are numbered from one after a restart",
        "trading/accounts.py",
        "lots_opened=row.lots_opened,",
        "lots_opened=0,",
        STORED,
    ),
)
