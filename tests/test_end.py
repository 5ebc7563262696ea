"""The end: a run ends, whatever OpenVINO's threads are about by then."""

import re
import signal
import sys
from collections.abc import Callable

import openvino as ov
import pytest
from support import ROOT, run_side_by_side
from test_application import save_reshape

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


def press_ctrl_c_at_the_third(completed: list[int]) -> Callable:
    """Return a callback; the main thread waits at the end of the block by then."""

    def on_complete(request: ov.InferRequest, number: int) -> None:
        completed.append(number)
        if len(completed) == 3:
            signal.raise_signal(signal.SIGINT)

    return on_complete


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("in the block")])
def test_ctrl_c_at_the_end_of_the_block_neither_ends_the_wait_nor_hides_an_error(
    models_by_ms, monkeypatch, error
):
    completed = []
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 8)
    with (
        pytest.raises(type(error)),
        throughput_benchmark.open_queue(models_by_ms[20], "CPU") as queue,
    ):
        queue.set_callback(press_ctrl_c_at_the_third(completed))
        for number in range(8):
            queue.start_async(userdata=number)
        if isinstance(error, ValueError):
            raise error
    assert sorted(completed) == list(range(8))


@pytest.mark.parametrize("error", [None, ValueError("in the block")])
def test_of_several_errors_the_first_is_shown_and_none_ends_the_wait(
    tmp_path, monkeypatch, error
):
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


def test_a_queue_that_was_opened_holds_no_name_of_the_compiled_model(networks):
    opened = throughput_benchmark.open_queue(networks("two-convolutions"), "CPU")
    with opened:
        names = opened.gen.gi_frame.f_locals.values()
        assert not any(isinstance(value, ov.CompiledModel) for value in names)
