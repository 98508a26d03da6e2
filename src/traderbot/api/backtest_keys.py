"""Idempotency keys of requests for backtests: the same words as those of orders."""

from starlette.requests import Request
from starlette.responses import Response

from traderbot.api.access import REPLAYED
from traderbot.api.order_entry import request_hash
from traderbot.backtests.submitted.repository import Backtest
from traderbot.backtests.submitted.service import Submitted
from traderbot.trading.work import Idempotency


async def known_by(request: Request, key: str | None) -> Idempotency | None:
    """What an equal request would be known by."""
    return None if key is None else Idempotency(key, await request_hash(request))


def told(submitted: Submitted, response: Response) -> Backtest:
    """What was queued; the answer says where it was queued before."""
    if submitted.replayed:
        response.headers.update(REPLAYED)
    return submitted.backtest
