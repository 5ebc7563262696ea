"""Failures: one message where OpenVINO refuses, a traceback for the rest, and an end."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from models import ops
from support import (
    MEASURED,
    command_with,
    edited_script,
    multiply,
    run,
    run_side_by_side,
    save,
)


def traceback_of(result: tuple[int, str, str]) -> str:
    """Return the traceback of a run that failed after its model had been compiled."""
    exit_status, _, stderr = result
    assert exit_status == 1, result
    measured, traceback, text = stderr.partition("Traceback ")
    assert traceback
    assert MEASURED.fullmatch(measured), measured
    assert "[ ERROR ]" not in text
    return text


def test_an_onnx_model_is_measured_and_half_of_it_is_named(tmp_path, fails, measured):
    models_of_onnx = Path(onnx.__file__).parent / "backend/test/data/light"
    model = shutil.copy(models_of_onnx / "light_squeezenet.onnx", tmp_path)
    measured(model)
    os.truncate(model, os.path.getsize(model) // 2)
    assert fails(model)


def test_a_missing_model_is_named(fails):
    assert fails("missing.onnx")


@pytest.mark.parametrize(
    "shapes", [{"x": "[1,5]"}, {"x": "nonsense"}, {"foo": "[1,4]"}]
)
def test_a_shape_that_does_not_suit_is_named(tmp_path, fails, shapes):
    x = ops.parameter([1, 4], np.float32, name="x")
    y = ops.matmul(x, np.ones([4, 4], np.float32), False, False)
    save(tmp_path / "model.xml", [y], [x])
    assert fails("model.xml", INPUT_SHAPES=shapes)


@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_a_failed_inference_ends_in_a_traceback_with_the_reason(tmp_path, device):
    # Random numbers are no sizes to reshape six numbers to.
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = save(tmp_path / "model.xml", [y], [x, pattern])
    text = traceback_of(run(model, device))
    assert "conflicts with" in text[text.index("\nRuntimeError: ") :]


# Good patterns for the warm-up, and a bad one for the first request after it.
SPOIL = """
import atexit
started, completed = [], []
start_async = ov.AsyncInferQueue.start_async
ov.AsyncInferQueue.start_async = lambda queue: started.append(start_async(queue))
call_in_callbacks(completed.append)
def spoil(queue):
    started.clear()
    completed.clear()
    queue[0].input_tensors[1].data.fill(5)
call_after("wait_all", 1, spoil)
atexit.register(lambda: print(len(started) - len(completed), "lost", file=sys.stderr))
"""
OWN_DATA = "fill_random(tensor, rng)  # or your own data: tensor.data[...] = array"


@pytest.mark.slow
def test_after_a_failed_inference_the_others_are_waited_for(tmp_path):
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = save(tmp_path / "model.xml", [multiply(y, x, 100)], [x, pattern])
    edit = (OWN_DATA, "tensor.data[...] = 512 if tensor.size == 2 else 127.5")
    script = edited_script(tmp_path, edit, INFER_REQUESTS=8)
    # Whether a queue that is freed too early makes the process hang or crash is a matter
    # of chance. That inferences are lost is not.
    for result in run_side_by_side(command_with(SPOIL, script, model), 3):
        text = traceback_of(result)
        assert "conflicts with" in text
        assert text.endswith("\n1 lost\n")


MISTAKES = {
    "own data": (OWN_DATA, "tensor.data[...] = undefined_name"),
    "the callback": (
        "latencies.append(request.latency)",
        "latencies.append(undefined_name)",
    ),
    "the loop": (
        "queue.start_async()  # waits until an infer request is idle",
        "queue.start_async(undefined_name)",
    ),
    "the report": ("    report(latencies, duration)", "    undefined_name"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_an_edit_shows_its_line_and_ends(tmp_path, models_by_ms, mistake):
    script = edited_script(tmp_path, mistake)
    text = traceback_of(run(models_by_ms[20], script=script))
    assert "NameError: name 'undefined_name' is not defined\n" in text
    assert f'File "{script}", line ' in text


RUNS = """
import throughput_benchmark
if __name__ == "__main__":
    for _ in range(40):
        throughput_benchmark.main()
"""


@pytest.mark.slow
def test_many_runs_end(tmp_path, networks):
    # Side by side, so that threads get held up: freed in the wrong order, with the core
    # or the compiled model last, some of these processes hang on OpenVINO 2026.4.
    edited_script(tmp_path, SECONDS_TO_RUN=0.05)
    (tmp_path / "runs.py").write_text(RUNS, "utf-8")
    command = [sys.executable, "runs.py", networks("two-convolutions")]
    for exit_status, _, stderr in run_side_by_side(command, 4, tmp_path):
        assert exit_status == 0, stderr
        assert len(stderr.splitlines()) == 40
