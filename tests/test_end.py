"""The end: a run ends, whatever OpenVINO's threads are about by then."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from support import ROOT

PROCESSES = 4
RUNS = """
import sys

import throughput_benchmark

throughput_benchmark.SECONDS_TO_RUN = 0.05
sys.exit(any([throughput_benchmark.main(sys.argv[1:]) for _ in range(5)]))
"""


def test_twenty_runs_end(networks):
    # Side by side, so that threads get held up: freed in the wrong order, with the
    # compiled model last, each of these processes hangs on OpenVINO 2026.4.
    command = [sys.executable, "-c", RUNS, networks("face-detection-0200")]
    with ThreadPoolExecutor(PROCESSES) as threads:
        results = [
            threads.submit(
                subprocess.run, command, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=40
            )
            for _ in range(PROCESSES)
        ]
    assert [result.result().returncode for result in results] == [0] * PROCESSES
