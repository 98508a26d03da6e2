"""Texts of the repository: nothing of one machine, and commands that exist."""

import re
import subprocess
from pathlib import Path

import pytest
import typer

from tidy.tree import ROOT, short
from traderbot.cli.main import app

pytestmark = pytest.mark.unit
OWN = Path(__file__)
# written in parts, so that this file does not hold what it looks for
MACHINE = re.compile("(?<![\\w.])/(?:" + "work" + "|" + "root" + ")/|[\"'` =(]/" + "tmp" + "/")
REGISTRY = re.compile(
    "|".join(["pypi" + r"\.", "registry" + r"\.npmjs", "artifact" + "ory", "/simple" + "/"])
)
LOCKS = {"package-lock.json"}


def _texts() -> dict[Path, str]:
    """Every text file that is, or could be, tracked."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path != OWN:
            try:
                found[path] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


def test_no_path_of_one_machine() -> None:
    """A path that exists on the author's machine only fails on every other."""
    found = [
        f"{short(path)}:{number}: {line.strip()[:90]}"
        for path, text in _texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert found == []


def test_no_registry_by_name() -> None:
    """Where packages come from is the reader's own setting, and a mirror's name is nobody else's business."""
    found = [
        f"{short(path)}:{number}"
        for path, text in _texts().items()
        if path.name not in LOCKS
        for number, line in enumerate(text.splitlines(), 1)
        if REGISTRY.search(line)
    ]
    assert found == []


def test_locked_packages_name_no_mirror() -> None:
    """A lock file remembers the mirror it was made with, and installs fail where that cannot be reached."""
    hosts = set()
    for path, text in _texts().items():
        if path.name in LOCKS:
            hosts |= set(re.findall(r'"resolved": "https?://([^/"]+)', text))
    assert hosts <= {"registry" + ".npmjs.org"}


def _fenced(text: str) -> str:
    return "\n".join(re.findall(r"```(?:\w*)\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


def test_commands_in_the_readme_exist() -> None:
    """A first command that fails is the last one a visitor types."""
    commands = _fenced((ROOT / "README.md").read_text(encoding="utf-8"))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", commands)) <= targets
    group = typer.main.get_command(app)
    known = set(group.commands)  # type: ignore[attr-defined]  # a group of commands
    assert set(re.findall(r"\btraderbot ([a-z-]+)", commands)) <= known
