"""What a validation leaves behind: all figures, the verdict, and what exactly they are about, as JSON."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from traderbot.backtests.validation.baselines import Comparison
from traderbot.backtests.validation.lookahead import Difference
from traderbot.backtests.validation.monte_carlo import Resampled, Spread, Stress
from traderbot.backtests.validation.stability import Neighbour, Point
from traderbot.backtests.validation.verdict import Evidence, Standing, Thresholds, Verdict, verdict
from traderbot.backtests.validation.walk_forward import Step
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import source_hash

FORMAT = 1
FILE = "validation.json"


class About(msgspec.Struct, frozen=True):
    """What was validated. source, data_sha256: hashes of the strategy's file and of the data set."""

    strategy: str
    source: str
    parameters: dict[str, str]
    data: str
    data_sha256: str


class Forwards(msgspec.Struct, frozen=True):
    """One walk-forward: anchored or rolling."""

    anchored: bool
    steps: list[Step]
    sharpe: float
    efficiency: float | None
    winning: float


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, or as far as the lookahead check where that fails.

    times, equity, baseline: of the rows, as what 1 became; paths: Sharpe ratios a year, out of
    sample; embargo: rows left out of their trainings after each test.
    """

    format: int = FORMAT
    about: About
    seed: int
    evidence: Evidence
    thresholds: Thresholds
    verdict: Verdict
    differences: list[Difference]
    warm_up: Difference | None = None
    times: list[int] = []
    equity: list[float] = []
    baseline: list[float] = []
    forwards: list[Forwards] = []
    paths: list[float] = []
    embargo: int = 0
    points: list[Point] = []
    neighbours: list[Neighbour] = []
    stresses: dict[str, list[Stress]] = {}
    comparisons: list[Comparison] = []
    resampled: Resampled | None = None
    reshuffled: Spread | None = None


def about(
    strategy: Strategy, parameters: Mapping[str, object], data: str = "", data_sha256: str = ""
) -> About:
    """Name what is validated. The source is the whole file the strategy's class is written in."""
    texts = {name: str(parameters[name]) for name in sorted(parameters)}
    return About(strategy.name, source_hash(type(strategy)), texts, data, data_sha256)


def encoded(record: Record) -> bytes:
    """The record as JSON, the same bytes for the same record; NaN is null."""
    return msgspec.json.format(msgspec.json.encode(record, order="deterministic"), indent=1) + b"\n"


def decoded(content: bytes) -> Record:
    """A record back from its JSON. Errors: InvalidValue."""
    try:
        record = msgspec.json.decode(content, type=Record)
    except msgspec.MsgspecError as error:
        raise InvalidValue("validation", f"the file that validate writes: {error}") from None
    if record.format != FORMAT or verdict(record.evidence, record.thresholds) != record.verdict:
        raise InvalidValue("validation", f"format {FORMAT} and the verdict that its evidence gives")
    return record


def save(record: Record, folder: Path) -> Path:
    """Write the record into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_bytes(encoded(record))
    return path


def load(path: Path) -> Record:
    """Read a record. Errors: NotFound, InvalidValue."""
    if not path.is_file():
        raise NotFound(f"no validation at {path.name}: run `traderbot backtest validate`")
    return decoded(path.read_bytes())


def require(record: Record, wanted: About, least: Standing = Standing.PROMOTE) -> None:
    """Whether a strategy may go on to paper or live by this record: the same source, parameters, standing.

    The data may be another set: it is what the record was made on. Errors: Conflict, in words.
    """
    found = record.about
    for name in ("strategy", "source", "parameters"):
        if getattr(found, name) != getattr(wanted, name):
            raise Conflict(f"the validation is of another {name}: validate this one")
    order = [Standing.REJECT, Standing.WATCH, Standing.PROMOTE]
    if order.index(record.verdict.standing) < order.index(least):
        raise Conflict(f"the validation says {record.verdict.standing}: {record.verdict.words}")
