"""A sweep or validation of a file of one's own, in a process of its own within the limits of a run."""

import ctypes
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import Any

import typer

from traderbot.cli.backtest_terms import Limits
from traderbot.cli.told import told
from traderbot.infra.offspring import ending_offspring
from traderbot.model.errors import TraderbotError
from traderbot.strategies.faults import StrategyFailed

_MAIN = "from traderbot.cli.backtest_apart import main; main()"
_WHEN_PARENT_DIES = 1  # PR_SET_PDEATHSIG of Linux
_KIND = "BACKTEST_APART"  # in the environment of such a process and the members of its pool


def within_limits(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which is carried out in a process of its own where its `strategy` is a file, or where its
    `time_limit` or `memory_limit` is given.
    """

    @wraps(command)
    def limited(**given: Any) -> None:
        with told():
            limits = Limits.of(given["time_limit"], given["memory_limit"])
        of_a_file = given["strategy"].partition(":")[0].endswith(".py")
        if _KIND in os.environ or not (of_a_file or limits.asked):
            command(**given)
            return
        with told():
            code = _apart(limited, given, limits)
        raise typer.Exit(code)

    return limited


def _apart(command: Callable[..., None], given: dict[str, Any], limits: Limits) -> int:
    """The status that the process ended with. Errors: StrategyFailed where it was ended."""
    name = Path(given["strategy"]).name
    streams = [None if stream.isatty() else subprocess.PIPE for stream in (sys.stdout, sys.stderr)]
    environment = dict(os.environ) | {_KIND: "1"}
    with ending_offspring():
        process = subprocess.Popen(
            [sys.executable, "-c", _MAIN],
            stdin=subprocess.PIPE,
            stdout=streams[0],
            stderr=streams[1],
            env=environment,
            start_new_session=True,  # an interrupt from the terminal is for us, and we end it
        )
        try:
            began = monotonic()
            said, complained = process.communicate(pickle.dumps((command, given, limits)), limits.seconds)
        except subprocess.TimeoutExpired:
            seconds = round(monotonic() - began)
            raise StrategyFailed(f"{name}: stopped after {seconds} s (--time-limit)") from None
        finally:
            process.kill()
            process.wait()
    typer.echo((said or b"").decode(errors="replace"), nl=False)
    typer.echo((complained or b"").decode(errors="replace"), nl=False, err=True)
    if process.returncode < 0:
        how = signal.Signals(-process.returncode).name
        raise StrategyFailed(
            f"{name}: its process ended by {how}; it may use {limits.memory_mb} MB (--memory-limit)"
        )
    return process.returncode


def main() -> None:
    """Carry out the command on standard input, within its limits."""
    from traderbot.backtests.submitted.job import within_limits as held

    command, given, limits = pickle.load(sys.stdin.buffer)  # noqa: S301 - from who started this process
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_WHEN_PARENT_DIES, signal.SIGKILL)
    held(limits)
    try:
        command(**given)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except MemoryError:
        name = Path(given["strategy"]).name
        typer.echo(f"{name}: needs more than {limits.memory_mb} MB of memory (--memory-limit)", err=True)
        sys.exit(1)
    except TraderbotError as error:
        typer.echo(error.detail, err=True)
        sys.exit(1)
