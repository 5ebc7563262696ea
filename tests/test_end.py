"""The end: a run ends, whatever OpenVINO's threads are about by then."""

import re
import signal
import sys
import time

import openvino as ov
import pytest
from support import ROOT, edited_script, message_of, run, run_side_by_side, save_reshape

import throughput_benchmark

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
    assert run_side_by_side(command, 4, ROOT) == {(0, "")}


CALLBACK = "latencies.append(request.latency)"


@pytest.mark.parametrize("divisor", ["(len(latencies) - 3)", "0"])
@pytest.mark.parametrize("seconds", [0, 0.1], ids=["in the last ones", "amid"])
def test_an_error_in_a_callback_is_reported(tmp_path, models_by_ms, divisor, seconds):
    # Raised a second time by the queue, it would abort the process.
    edit = (CALLBACK, f"({CALLBACK}, 1 / {divisor})")
    constants = {"SECONDS_TO_RUN": seconds, "MIN_ITERATIONS": 1, "INFER_REQUESTS": 4}
    script = edited_script(tmp_path, edit, **constants)
    model = models_by_ms[20]
    assert "division by zero" in message_of(run(model, script=script), model)


@pytest.mark.parametrize(
    "error", [None, KeyboardInterrupt(), ValueError("in the block")]
)
def test_the_end_waits_for_all_and_hides_no_error(models_by_ms, monkeypatch, error):
    completed = []
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 8)

    def complete(request: ov.InferRequest, number: int) -> None:
        completed.append(number)
        if len(completed) == 3:
            time.sleep(0.2)  # by then the main thread waits for this request
            signal.raise_signal(signal.SIGINT)

    with (
        pytest.raises(type(error or KeyboardInterrupt())),
        throughput_benchmark.open_queue(models_by_ms[20], "CPU") as queue,
    ):
        queue.set_callback(complete)
        for number in range(8):
            queue.start_async(userdata=number)
        if error:
            raise error
    assert sorted(completed) == list(range(8))


@pytest.mark.parametrize("error", [None, ValueError("in the block")])
def test_of_several_errors_the_first_is_shown(tmp_path, monkeypatch, error):
    completed = []
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 4)
    model = save_reshape(tmp_path / "model.xml")
    text = str(error or "reshape pattern (5.6)")
    with (
        pytest.raises((ValueError, RuntimeError), match=re.escape(text)),
        throughput_benchmark.open_queue(model, "CPU") as queue,
    ):
        queue.set_callback(lambda request, number: completed.append(number))
        for number, pattern in enumerate([[3, 2], [5, 6], [5, 7], [3, 2]]):
            queue[number].input_tensors[1].data[:] = pattern
        start_async = super(ov.AsyncInferQueue, queue).start_async
        for number in range(4):
            start_async({}, number)
        if error:
            raise error
    assert sorted(completed) == [0, 3]
