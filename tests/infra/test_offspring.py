import os
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from traderbot.infra.offspring import ending_offspring

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only"),
]

ESCAPES = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(PATH, "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists(PATH) or not open(PATH).read():
    time.sleep(0.01)
"""


def there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_what_left_its_session_ends_with_the_block(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with ending_offspring():
        subprocess.run([sys.executable, "-c", ESCAPES.replace("PATH", repr(str(path)))], check=True)
        escaped = int(path.read_text())
        assert there(escaped)
    assert not there(escaped)


def test_what_was_there_before_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as mine:
        with ending_offspring():
            sleep(0)
        assert mine.poll() is None
        os.kill(mine.pid, 9)
