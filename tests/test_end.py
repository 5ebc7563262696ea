"""The end: a run ends, whatever OpenVINO's threads are about by then."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import openvino as ov
from support import ROOT

import throughput_benchmark

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


def test_an_error_is_reported_when_none_is_in_flight_any_more(
    models_by_ms, monkeypatch, fails
):
    completed = []
    completed_by_then = []

    def start_and_raise(queue: ov.AsyncInferQueue) -> None:
        queue.set_callback(lambda request, userdata: completed.append(userdata))
        for number in range(len(queue)):
            queue.start_async(userdata=number)
        raise RuntimeError("amid the measurement")

    def count_and_print(*values: str, **options: object) -> None:
        completed_by_then.append(len(completed))
        print(*values, **options)

    monkeypatch.setattr(throughput_benchmark, "print", count_and_print, raising=False)
    message = fails(models_by_ms[20], measure=start_and_raise, INFER_REQUESTS=8)
    assert message == "amid the measurement\n"
    # Two lines of the build, and the error.
    assert completed_by_then == [0, 0, 8]
