"""Attribute the difference of two final equities to what differs between two sets of orders, exactly.

The formula. Both sides begin with the same account and end at the same prices. So an execution of q shares at
p adds to the final equity, with sign s = 1 for a purchase and -1 for a sale,

    c = s (q v - n) - f,    n = q p as it was rounded, f the fee,

where v is what one share of that time has become at the end: the last price, in the shares and under the
symbol of then, or what a delisting paid. Besides executions only cash moves: dividends, interest, what a
person moves. The difference of the equities is therefore the sum of c over the executions of the session less
that over those of the re-run, and the difference of the cash; nothing else is left.

Orders of both sides are paired. Of a pair the quantity that both filled differs by -s (n - n') in its price,
which is "price" where both filled in the same bar and "timing" where they did not, and by -(f - f') in its
fee. The c of what only one side filled is "signal" as far as the orders are for other quantities, and
"missed" beyond that. The c of an order without a counterpart is "signal". All sums are of fractions, and are
rounded to cents by differences of the running total, so that the parts add up to the whole to the cent.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from traderbot.backtests.parity.traces import Cash, Fill, Refused, Trace, Traces
from traderbot.infra.clock import rfc3339
from traderbot.infra.events.texts import canonical
from traderbot.market.datasets import Dataset
from traderbot.market.sessions import Timeline
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.trading.session_market import SessionMarket

SIGNAL, MISSED, TIMING, PRICE, FEE = "signal", "missed", "timing", "price", "fee"
MANUAL, OTHERS, CASH, DIVIDENDS, INTEREST = (
    "manual orders", "other strategies", "cash moved", "dividends", "interest",
)  # fmt: skip
CAUSES = (SIGNAL, MISSED, TIMING, PRICE, FEE, MANUAL, OTHERS, CASH, DIVIDENDS, INTEREST)
SHIFT = 5
"""Steps that the same order may lie apart on the two sides and still be the same order, at another time."""

_CASH = {"dividend": DIVIDENDS, "margin_interest": INTEREST, "borrow_fee": INTEREST}
_NONE = Fraction(0)


class Piece(NamedTuple):
    """One difference. amount: what it adds to the session's equity over the re-run's."""

    cause: str
    amount: Fraction
    session: Trace | None
    rerun: Trace | None
    words: str
    symbol: Symbol | None
    at: int


class Worth:
    """What one share of a time has become at the end of a window."""

    def __init__(self, dataset: Dataset, timeline: Timeline, last: int) -> None:
        self._market = SessionMarket(dataset, timeline, last)
        self._actions: list[tuple[int, CorporateAction]] = []
        for action in dataset.actions:
            step = timeline.first_step(action.ex_date)
            if step <= last and action.kind is not ActionKind.DIVIDEND:
                self._actions.append((timeline.time_of(step), action))

    def shares(self, symbol: Symbol, at: int) -> Fraction:
        """How many shares one has become."""
        return self._follow(symbol, at)[0]

    def value(self, symbol: Symbol, at: int) -> Fraction:
        """What one share is worth. Errors: InvariantBroken where nothing was ever traded."""
        shares, name, paid = self._follow(symbol, at)
        if paid is not None:
            return shares * paid
        mark = self._market.mark(name)
        if mark is None:
            raise InvariantBroken(f"{name} was traded but never had a price")
        return shares * Fraction(mark.price)

    def _follow(self, symbol: Symbol, at: int) -> tuple[Fraction, Symbol, Fraction | None]:
        shares = Fraction(1)
        for effective, action in self._actions:
            if effective <= at or action.symbol != symbol:
                continue
            if action.kind is ActionKind.SPLIT:
                shares *= Fraction(action.new, action.old)
            elif action.kind is ActionKind.DELISTING:
                return shares, symbol, Fraction(action.amount or 0)
            elif action.new_symbol is not None:
                symbol = action.new_symbol
        return shares, symbol, None


class _Part(NamedTuple):
    """A part of an execution. units: in the shares of the end; value, notional, fee: of this part."""

    fill: Fill
    units: Fraction
    value: Fraction
    notional: Fraction
    fee: Fraction

    def taken(self, units: Fraction) -> "_Part":
        part = units / self.units
        return _Part(self.fill, units, self.value * part, self.notional * part, self.fee * part)


class Attribution:
    """Pairs the orders of two sides and says what each difference is worth."""

    def __init__(
        self, session: Traces, rerun: Traces, actor: str, worth: Worth, times: Sequence[int]
    ) -> None:
        """actor: of the strategy in the session. times: of all steps, for how far apart two orders are."""
        self._session, self._rerun, self._worth = session, rerun, worth
        self._actor, self._times = actor, times
        self.pairs = 0

    def pieces(self, halted: Sequence[tuple[int, int, str]]) -> list[Piece]:
        """All differences. halted: from when to when the session's account was, and why."""
        own = [one for one in self._session.orders.values() if one.stood or one.actor == self._actor]
        found: list[Piece] = []
        pairs, alone, lacking = self._paired(own, list(self._rerun.orders.values()))
        self.pairs = len(pairs)
        for session, rerun in pairs:
            found += self._compared(session, rerun)
        for one in alone:
            refused = _refusal(self._rerun.refused, one)
            words = f"only the session placed it{f'; the re-run refused it, {refused}' if refused else ''}"
            found.append(Piece(SIGNAL, self._whole(one), one, None, words, one.symbol, one.placed_at))
        for one in lacking:
            words = f"only the re-run placed it; {self._why_not(one, halted)}"
            found.append(Piece(SIGNAL, -self._whole(one), None, one, words, one.symbol, one.placed_at))
        found += self._by_others()
        found += _moved(self._session.cash, self._rerun.cash)
        return sorted(found, key=lambda piece: (CAUSES.index(piece.cause), piece.at))

    def _paired(
        self, session: list[Trace], rerun: list[Trace]
    ) -> tuple[list[tuple[Trace, Trace]], list[Trace], list[Trace]]:
        """Pairs, and what is left on each side: by id, then by step, then the same order some steps apart."""
        pairs: list[tuple[Trace, Trace]] = []
        left, by_id = [], {one.id: one for one in rerun}
        for one in session:
            other = by_id.get(one.id)
            if other is not None and (other.symbol, other.side) == (one.symbol, one.side):
                pairs.append((one, by_id.pop(one.id)))
            else:
                left.append(one)
        others = list(by_id.values())
        for is_same in (_same_step, self._near):
            still = []
            for one in left:
                match = next((other for other in others if is_same(one, other)), None)
                if match is None:
                    still.append(one)
                else:
                    others.remove(match)
                    pairs.append((one, match))
            left = still
        return pairs, left, others

    def _near(self, one: Trace, other: Trace) -> bool:
        if (one.symbol, one.side, one.qty) != (other.symbol, other.side, other.qty):
            return False
        places = [bisect_left(self._times, trace.placed_at) for trace in (one, other)]
        return abs(places[0] - places[1]) <= SHIFT

    def _compared(self, one: Trace, other: Trace) -> list[Piece]:
        """The differences of two orders that are the same one."""
        sign = 1 if one.side is Side.BUY else -1
        ours, theirs = self._parts(one), self._parts(other)
        prices, fees = dict.fromkeys((PRICE, TIMING), _NONE), _NONE
        words: dict[str, str] = {}
        while ours and theirs:
            units = min(ours[0].units, theirs[0].units)
            a, b = _take(ours, units), _take(theirs, units)
            cause = PRICE if a.fill.at == b.fill.at else TIMING
            prices[cause] += sign * ((a.value - a.notional) - (b.value - b.notional))
            fees += b.fee - a.fee
            if a.fill.at != b.fill.at:
                told = f"filled at {rfc3339(a.fill.at)}, in the re-run at {rfc3339(b.fill.at)}"
                words.setdefault(TIMING, told)
            elif a.fill.price != b.fill.price:
                told = f"filled at {canonical(a.fill.price)}, in the re-run at {canonical(b.fill.price)}"
                words.setdefault(PRICE, told)
            if a.fee != b.fee:
                words.setdefault(FEE, f"fee {_told(a.fee)}, in the re-run {_told(b.fee)}")
        amounts = {**prices, FEE: fees}
        found = [
            Piece(cause, amount, one, other, words.get(cause, "rounding"), one.symbol, one.placed_at)
            for cause, amount in amounts.items()
            if cause in words or amount
        ]
        return [*found, *self._excess(one, other, ours, theirs)]

    def _excess(self, one: Trace, other: Trace, ours: list[_Part], theirs: list[_Part]) -> list[Piece]:
        """What only one of two sides filled."""
        rest, direction = (ours, 1) if ours else (theirs, -1)
        sign = direction if one.side is Side.BUY else -direction
        shares = self._worth.shares(one.symbol, one.placed_at)
        asked = abs(Fraction(one.qty) - Fraction(other.qty)) * shares
        told = {
            SIGNAL: f"for {canonical(one.qty)}, in the re-run for {canonical(other.qty)}",
            MISSED: f"filled {canonical(one.filled)}, in the re-run {canonical(other.filled)}"
            + "".join(
                f"; {where} {trace.end}"
                for where, trace in (("in the session", one), ("in the re-run", other))
                if trace.end
            ),
        }
        amounts = {SIGNAL: _NONE} if one.qty != other.qty else {}
        for part in rest:
            by_signal = min(part.units, asked)
            asked -= by_signal
            for cause, units in ((SIGNAL, by_signal), (MISSED, part.units - by_signal)):
                if units:
                    some = part.taken(units)
                    amount = sign * (some.value - some.notional) - direction * some.fee
                    amounts[cause] = amounts.get(cause, _NONE) + amount
        return [
            Piece(cause, amount, one, other, told[cause], one.symbol, one.placed_at)
            for cause, amount in amounts.items()
        ]

    def _parts(self, trace: Trace) -> list[_Part]:
        found = []
        for fill in trace.fills:
            qty, worth = Fraction(fill.qty), self._worth
            units = qty * worth.shares(trace.symbol, fill.at)
            value = qty * worth.value(trace.symbol, fill.at)
            found.append(_Part(fill, units, value, Fraction(fill.notional), Fraction(fill.fee)))
        return found

    def _whole(self, trace: Trace) -> Fraction:
        """What an order added to the final equity of its side."""
        sign = 1 if trace.side is Side.BUY else -1
        parts = self._parts(trace)
        return sum((sign * (part.value - part.notional) - part.fee for part in parts), _NONE)

    def _why_not(self, missing: Trace, halted: Sequence[tuple[int, int, str]]) -> str:
        """Why the session did not place an order."""
        own = [one for one in self._session.refused if one.actor == self._actor]
        refused = _refusal(own, missing)
        if refused:
            return f"the session refused it, {refused}"
        for first, last, why in halted:
            if first <= missing.placed_at < last:
                return f"the account was halted: {why}"
        return "the session's strategy did not ask for it"

    def _by_others(self) -> list[Piece]:
        found = []
        for one in self._session.orders.values():
            if one.stood or one.actor == self._actor:
                continue
            by_strategy = one.actor.startswith("strategy:")
            words = f"placed by {one.actor or 'somebody'}, not by the strategy"
            cause = OTHERS if by_strategy else MANUAL
            found.append(Piece(cause, self._whole(one), one, None, words, one.symbol, one.placed_at))
        return found


def _moved(session: Iterable[Cash], rerun: Iterable[Cash]) -> list[Piece]:
    """Differences of the cash that moved, by time, kind and symbol; of what a person moved by kind alone."""
    sums: dict[tuple[str, Symbol | None, int], tuple[Fraction, Fraction]] = {}
    for number, side in enumerate((session, rerun)):
        for one in side:
            key = (one.kind, one.symbol, one.at if one.kind in _CASH else 0)
            pair = list(sums.get(key, (_NONE, _NONE)))
            pair[number] += Fraction(one.amount)
            sums[key] = pair[0], pair[1]
    found = []
    for (kind, symbol, at), (ours, theirs) in sums.items():
        if ours != theirs:
            words = f"{kind} {_told(ours)}, in the re-run {_told(theirs)}"
            found.append(Piece(_CASH.get(kind, CASH), ours - theirs, None, None, words, symbol, at))
    return found


def cents(amounts: Iterable[Fraction]) -> list[int]:
    """Amounts in cents, each the difference of the rounded running totals: they sum to the rounded sum."""
    total, before, found = _NONE, 0, []
    for amount in amounts:
        total += amount
        now = round(total * 100)
        found.append(now - before)
        before = now
    return found


def _take(parts: list[_Part], units: Fraction) -> _Part:
    """Cut so many units off the front."""
    whole = parts[0]
    if whole.units == units:
        return parts.pop(0)
    parts[0] = whole.taken(whole.units - units)
    return whole.taken(units)


def _same_step(one: Trace, other: Trace) -> bool:
    return (one.symbol, one.side, one.placed_at) == (other.symbol, other.side, other.placed_at)


def _refusal(refused: Iterable[Refused], trace: Trace) -> str | None:
    """Why the other side refused the same order, with its id."""
    for one in refused:
        if (one.symbol, one.side, one.at) == (trace.symbol, trace.side, trace.placed_at):
            return f"as {one.order_id}, {one.words}"
    return None


def _told(amount: Fraction) -> str:
    whole, rest = divmod(abs(round(amount * 1_000_000)), 1_000_000)
    text = f"{whole}.{rest:06d}".rstrip("0")
    text += "0" * max(0, 2 - len(text.partition(".")[2]))
    return f"-{text}" if amount < 0 else text
