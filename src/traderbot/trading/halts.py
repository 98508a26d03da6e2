"""Halts and limits of the whole platform: the rules row, read and written in one transaction of the writer.

What changes it is a function of the rules as they then are, so that two changes at once both count; from its
commit on every process decides on it. A halt latches; lifting it takes a request and its confirmation.
"""

from collections.abc import Callable
from functools import partial

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.halts import halt, request_resume, resume
from traderbot.infra.events.journal import Meta
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.projection import RULES_SCOPE
from traderbot.trading.work import SYSTEM, Work


def rules_in_force(connection: Connection) -> Rules:
    """The rules as last committed."""
    row = connection.execute(sa.select(t.rules.c.data).where(t.rules.c.scope == RULES_SCOPE)).first()
    return Rules() if row is None else msgspec.json.decode(row.data, type=Rules)


def halt_platform(detail: str, symbol: Symbol | None = None, meta: Meta = SYSTEM) -> Work:
    """Work that halts all trading, or one symbol for everybody. Refused where it is halted already."""
    return Work(rules=partial(halt, detail=detail, symbol=symbol), meta=meta)


def request_resume_platform(code: str, symbol: Symbol | None = None, meta: Meta = SYSTEM) -> Work:
    """Work for the first of two steps to lift a halt of the platform; code: what the second must give."""
    return Work(rules=partial(request_resume, code=code, symbol=symbol), meta=meta)


def resume_platform(code: str, symbol: Symbol | None = None, meta: Meta = SYSTEM) -> Work:
    """Work for the second of two steps to lift a halt of the platform."""
    return Work(rules=partial(resume, code=code, symbol=symbol), meta=meta)


def change_rules(change: Callable[[Rules], Rules], meta: Meta = SYSTEM) -> Work:
    """Work that changes limits; halts, their codes and the version are not the change's to make.

    The errors of `change` are the work's, and then nothing is changed.
    """

    def changed(rules: Rules) -> Rules | Refusal:
        return msgspec.structs.replace(
            change(rules),
            version=rules.version + 1,
            halted=rules.halted,
            halted_symbols=rules.halted_symbols,
            lifting=rules.lifting,
        )

    return Work(rules=changed, meta=meta)
