"""Plant every fault in a copy of the source, one at a time, and see which check finds it.

Run: python -m mutants.run [NAME...]. Prints a line for each; the last one is `N faults, N found`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mutants.faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "traderbot"
PATIENCE = 240  # seconds for one check
SEEDS = {"memory": 240, "sqlite": 30}


class Finding(NamedTuple):
    """by: the check that found it, None where none did; said: what it said; seconds: how long that took."""

    fault: Fault
    by: str | None
    said: str
    seconds: float


class NotThere(AssertionError):  # noqa: N818
    """The text that a fault replaces is gone, or there twice: the fault has to be written again."""


class NotSound(AssertionError):  # noqa: N818
    """A check fails on the source as it is, so that it finds nothing."""


def planted(fault: Fault, source: Path) -> str:
    """The text of the file with the fault in it. Errors: NotThere."""
    text = (source / fault.file).read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise NotThere(f"{fault.name}: its text is {text.count(fault.old)} times in {fault.file}")
    return text.replace(fault.old, fault.new)


def copy_source(folder: Path) -> Path:
    """A copy of the package without the page."""
    target = folder / "traderbot"
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("static", "__pycache__"))
    return target


def command(check: str) -> list[str]:
    """How a check is run: `memory` and `sqlite` are seeds, anything else is what pytest is given."""
    if check in SEEDS:
        count = str(SEEDS[check])
        seeds = ["-m", "properties.seeds", "--stop", "--workers", "1", "--database", check, "--count", count]
        return [sys.executable, *seeds]
    plain = ["-o", "pythonpath=tests", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", "-x", "-q", *plain, *check.split()]


def look(check: str, folder: Path) -> str | None:
    """Run a check against a copy. Returns: what it said when it failed, None where it passed."""
    paths = os.pathsep.join([str(folder), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command(check),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return "it never ended"
    if done.returncode == 0:
        return None
    lines = (done.stdout + done.stderr).splitlines()
    wanted = re.compile(r"^seed \d+: |^E  |Error")
    return next((line for line in lines if wanted.search(line)), lines[-1] if lines else "it failed")


class Workshop:
    """A copy of the source for each worker; a fault is put in and taken out again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = threading.local()
        self._made = 0
        self._lock = threading.Lock()

    def copy(self) -> Path:
        if not hasattr(self._own, "folder"):
            with self._lock:
                self._made += 1
                folder = self._folder / f"copy{self._made}"
            folder.mkdir()
            copy_source(folder)
            self._own.folder = folder
        found: Path = self._own.folder
        return found

    def examine(self, fault: Fault) -> Finding:
        began = time.monotonic()
        folder = self.copy()
        file = folder / "traderbot" / fault.file
        sound = file.read_text(encoding="utf-8")
        file.write_text(planted(fault, folder / "traderbot"), encoding="utf-8")
        try:
            for check in fault.checks:
                said = look(check, folder)
                if said is not None:
                    return Finding(fault, check, said, time.monotonic() - began)
        finally:
            file.write_text(sound, encoding="utf-8")
        return Finding(fault, None, "", time.monotonic() - began)


def examine(faults: Sequence[Fault], workers: int = 2, control: bool = True) -> list[Finding]:
    """Look for each of the faults. control: make the checks once without any.

    Errors: NotThere; NotSound where a check fails without a fault.
    """
    for fault in faults:
        planted(fault, SOURCE)
    with tempfile.TemporaryDirectory(prefix="traderbot-mutants-") as folder:
        workshop = Workshop(Path(folder))
        for check in sorted({check for fault in faults for check in fault.checks} if control else ()):
            said = look(check, workshop.copy())
            if said is not None:
                raise NotSound(f"{check} fails without a fault: {said}")
        with ThreadPoolExecutor(workers) as pool:
            found = []
            for finding in pool.map(workshop.examine, faults):
                found.append(finding)
                print(line_of(finding), flush=True)
    return found


def line_of(finding: Finding) -> str:
    verdict = "NOT FOUND" if finding.by is None else f"{finding.by}: {finding.said[:90]}"
    return f"{finding.fault.name:58} {finding.seconds:5.1f} s  {verdict}"


def main() -> int:
    """Examine the named faults, or all."""
    named = set(sys.argv[1:])
    faults = [fault for fault in FAULTS if not named or fault.name in named]
    try:
        findings = examine(faults)
    except (NotThere, NotSound) as error:
        print(error)
        return 1
    found = sum(finding.by is not None for finding in findings)
    print(f"{len(faults)} faults, {found} found")
    return 0 if found == len(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
