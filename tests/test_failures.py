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
    ROOT,
    command_with,
    edited_script,
    message_of,
    multiply,
    run,
    run_side_by_side,
    save,
    traceback_of,
)

MODELS_OF_ONNX = Path(onnx.__file__).parent / "backend/test/data/light"


def save_model(path: Path) -> None:
    """Save a model with weights of 1600 numbers."""
    x = ops.parameter([1, 4], np.float32, name="x")
    y = ops.matmul(x, np.ones([4, 400], np.float32), False, False)
    save(path, [y], [x])


def test_an_onnx_model_is_measured_and_half_of_it_is_named(fails, measured):
    squeezenet = MODELS_OF_ONNX / "light_squeezenet.onnx"
    shutil.copy(squeezenet, "model.onnx")
    measured("model.onnx")
    os.truncate("model.onnx", squeezenet.stat().st_size // 2)
    assert fails("model.onnx")


@pytest.mark.parametrize("extension", ["xml", "onnx", "pb", "tflite", "foo"])
@pytest.mark.parametrize("content", [b"", np.random.default_rng(1).bytes(1000), None])
def test_what_is_no_model_is_named(fails, extension, content):
    path = Path(f"model.{extension}")
    path.mkdir() if content is None else path.write_bytes(content)
    assert fails(str(path))


def test_a_missing_model_is_named(tmp_path):
    assert message_of(run("missing.onnx", cwd=tmp_path), "missing.onnx")


@pytest.mark.parametrize("shape", ["[1000000000000,4]", "[1,5]", "nonsense"])
def test_a_shape_that_does_not_suit_is_named(tmp_path, fails, shape):
    save_model(tmp_path / "model.xml")
    assert fails("model.xml", INPUT_SHAPES={"x": shape})


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


@pytest.mark.slow
def test_after_a_failed_inference_the_others_are_waited_for(tmp_path):
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = save(tmp_path / "model.xml", [multiply(y, x, 100)], [x, pattern])
    edit = (
        "fill_random(tensor, rng)  # or your own data: tensor.data[...] = array",
        "tensor.data[...] = 512 if tensor.size == 2 else 127.5",
    )
    script = edited_script(tmp_path, edit, INFER_REQUESTS=8)
    # Whether a queue that is freed too early makes the process hang or crash is a matter
    # of chance. That inferences are lost is not.
    for result in run_side_by_side(command_with(SPOIL, script, model), 3):
        text = traceback_of(result)
        assert "conflicts with" in text
        assert text.endswith("\n1 lost\n")


MISTAKES = {
    "own data": (
        "fill_random(tensor, rng)  # or your own data: tensor.data[...] = array",
        "tensor.data[...] = undefined_name",
    ),
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
import sys
import throughput_benchmark
throughput_benchmark.SECONDS_TO_RUN = 0.05
if __name__ == "__main__":
    for _ in range(40):
        throughput_benchmark.main()
"""


@pytest.mark.slow
def test_many_runs_end(tmp_path, networks):
    # Side by side, so that threads get held up: freed in the wrong order, with the core
    # or the compiled model last, some of these processes hang on OpenVINO 2026.4.
    (tmp_path / "runs.py").write_text(RUNS, "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "runs.py"), networks("two-convolutions")]
    for exit_status, _, stderr in run_side_by_side(command, 4, env=environment):
        assert exit_status == 0, stderr
        assert len(stderr.splitlines()) == 40
