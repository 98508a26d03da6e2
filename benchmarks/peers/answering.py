"""What every peer says: for each line it is sent, it does its work once and answers with one JSON line."""

import json
import sys
import time


class Timed:
    """The seconds of a block, of the clock and of the processor."""

    def __enter__(self):
        self.seconds, self.processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *failure):
        self.seconds = time.perf_counter() - self.seconds
        self.processor = time.process_time() - self.processor


def peak_kb():
    """Most memory that this program held; getrusage would count the starting process over the exec, too."""
    with open("/proc/self/status") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM")))


def answer(name, work):
    """work: gives (timed, fills, equity); the peer stays alive, so that it is warm after its first go."""
    for _ in sys.stdin:
        timed, fills, equity = work()
        memory = peak_kb() / 1024
        said = {"name": name, "seconds": timed.seconds, "processor": timed.processor}
        print(json.dumps(said | {"fills": fills, "equity": equity, "mb": memory}), flush=True)
