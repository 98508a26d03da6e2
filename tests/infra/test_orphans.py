import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

OWNER = """
import sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import getpid
from traderbot.infra.orphans import end_with_parent
with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as pool:
    print(pool.submit(getpid).result(), flush=True)
    time.sleep(60)
"""


def test_a_worker_ends_when_its_owner_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        worker = int(owner.stdout.readline())
        assert Path(f"/proc/{worker}").exists()
        watched = os.pidfd_open(worker)
        os.kill(owner.pid, signal.SIGKILL)
        assert select.select([watched], [], [], 20)[0]  # it is readable once the process is gone
        os.close(watched)
