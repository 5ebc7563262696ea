"""The end: a run ends, whatever OpenVINO's threads are about by then."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import openvino as ov
import pytest
from support import ROOT, SECONDS_TO_WAIT
from test_application import save_reshape

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
                subprocess.run,
                command,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                timeout=SECONDS_TO_WAIT,
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


@pytest.mark.parametrize("ctrl_c", [False, True])
def test_a_block_that_is_left_waits_for_what_is_in_flight(
    models_by_ms, monkeypatch, ctrl_c
):
    completed = []

    def on_complete(request: ov.InferRequest, number: int) -> None:
        completed.append(number)
        if ctrl_c and number == 2:
            # The main thread waits by then, and waits on.
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 8)
    with (
        pytest.raises(ValueError, match="in the block"),
        throughput_benchmark.open_queue(models_by_ms[20], "CPU") as queue,
    ):
        queue.set_callback(on_complete)
        for number in range(8):
            queue.start_async(userdata=number)
        raise ValueError("in the block")
    assert sorted(completed) == list(range(8))


def test_a_failed_inference_neither_ends_the_wait_nor_hides_the_first_error(
    tmp_path, monkeypatch
):
    completed = []
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 4)
    model = save_reshape(tmp_path / "model.xml")
    with (
        pytest.raises(ValueError, match="in the block"),
        throughput_benchmark.open_queue(model, "CPU") as queue,
    ):
        queue.set_callback(lambda request, number: completed.append(number))
        for number, pattern in enumerate([[5, 5], [3, 2], [5, 5], [3, 2]]):
            queue[number].input_tensors[1].data[:] = pattern
        start_async = super(ov.AsyncInferQueue, queue).start_async
        for number in range(4):
            start_async({}, number)
        raise ValueError("in the block")
    assert sorted(completed) == [1, 3]


def test_a_queue_that_was_opened_holds_no_name_of_the_compiled_model(networks):
    opened = throughput_benchmark.open_queue(networks("two-convolutions"), "CPU")
    with opened:
        names = opened.gen.gi_frame.f_locals.values()
        assert not any(isinstance(value, ov.CompiledModel) for value in names)
