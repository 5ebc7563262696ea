"""In an application: README's worker, and the rules that it names."""

import gc
import re
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from support import README, SCRIPT, load_script, run

(WORKER,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
(CALL,) = re.findall(
    r"^```diff\n(- +latencies.*?)^```$", README, re.MULTILINE | re.DOTALL
)
(DROPPED,) = re.findall(r"^- Drop (.*?)\.", README, re.MULTILINE)
IMAGES = ["one.npy", "other.npy"]


@pytest.fixture
def worker(tmp_path) -> Path:
    """Write the script with the worker in place of measure and report."""
    source = SCRIPT.read_text("utf-8")
    start, main = source.index("def measure("), source.index("def main(")
    source = f"{source[:start]}{WORKER}\n\n{source[main:]}"
    old, new = (
        "\n" + "".join(f"{line[1:]}\n" for line in CALL.splitlines() if line[0] == sign)
        for sign in "-+"
    )
    assert source.count(old) == 1
    source = source.replace(old, new)
    for start in re.findall("`(.*?)`", DROPPED):
        source, number = re.subn(rf"^{start}\b.*\n", "", source, flags=re.MULTILINE)
        assert number == 1
        assert start not in source
    script = tmp_path / "worker.py"
    script.write_text(source, "utf-8")
    return script


def save_images(folder: Path, names: list[str]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    images = {
        str(folder / name): random.random([1, 3, 224, 224], np.float32)
        for name in names
    }
    for path, image in images.items():
        np.save(path, image)
    return images


def test_a_user_runs_the_worker(tmp_path, networks, worker):
    save_images(tmp_path, IMAGES)
    exit_status, stdout, stderr = run(
        networks("googlenet-v1"), script=worker, cwd=tmp_path
    )
    assert (exit_status, stderr) == (0, "")
    for name in IMAGES:
        assert f"'{name}': array([[" in stdout


def test_the_worker_gets_each_image_its_own_scores(tmp_path, networks, worker):
    images = save_images(tmp_path, [f"{number}.npy" for number in range(7)])
    script = load_script(worker)
    queue = script.create_queue(networks("googlenet-v1"), "CPU")
    scores = script.classify(queue, list(images))
    assert sorted(scores) == list(images)
    assert len({array.tobytes() for array in scores.values()}) == len(images)
    request = queue[0]
    for path, image in images.items():
        expected = request.infer({0: image})[0]
        np.testing.assert_array_equal(scores[path], expected)


RAISE = """
import sys

import openvino as ov


def on_complete(request, number):
    if number == 0:
        raise ValueError("raised in a callback")


queue = ov.AsyncInferQueue(ov.Core().compile_model(sys.argv[1], "CPU"), 1)
queue.set_callback(on_complete)
queue.start_async(userdata=0)
try:
    queue.wait_all()
except ValueError as error:
    print(error, flush=True)
queue.wait_all()
"""


def test_the_second_call_after_a_callback_that_raises_aborts(networks):
    result = subprocess.run(
        [sys.executable, "-c", RAISE, networks("two-convolutions")],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=40,
    )
    assert result.stdout == "raised in a callback\n"
    assert result.returncode < 0


def two_inputs() -> ov.CompiledModel:
    """Compile a model that returns its two inputs of shape [2], of u8 and of f32."""
    inputs = [
        ops.parameter([2], dtype, name=dtype.__name__)
        for dtype in [np.uint8, np.float32]
    ]
    model = ov.Model([ops.result(x) for x in inputs], inputs, "model")
    return ov.Core().compile_model(model, "CPU")


def test_arrays_are_copied_and_cast_and_an_input_left_out_keeps_its_data():
    queue = ov.AsyncInferQueue(two_inputs(), 1)
    array = np.array([1.5, 2.5], np.float32)
    used = []
    queue.set_callback(
        lambda request, _: used.append([x.data.tolist() for x in request.input_tensors])
    )
    queue.start_async({0: array, "float32": array})
    array[:] = 7
    queue.wait_all()
    queue.start_async({0: array})
    queue.wait_all()
    assert used == [[[1, 2], [1.5, 2.5]], [[7, 7], [1.5, 2.5]]]


def test_a_tensor_is_kept_and_overwritten_later():
    queue = ov.AsyncInferQueue(two_inputs(), 1)
    tensor = ov.Tensor(np.array([1, 2], np.uint8))
    queue.start_async({0: tensor})
    queue.wait_all()
    queue.start_async({0: np.array([3, 4])})
    queue.wait_all()
    assert tensor.data.tolist() == [3, 4]


def test_a_start_that_raises_loses_its_request():
    queue = ov.AsyncInferQueue(two_inputs(), 1)
    assert queue.is_ready()
    with pytest.raises(RuntimeError, match="not equal to the model input"):
        queue.start_async({0: np.zeros(3)})
    # No request is idle, though none was started: the next start would wait for ever.
    queue.wait_all()
    assert not queue.is_ready()


def test_a_new_queue_is_the_way_out_of_a_failed_inference():
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = ov.Model([y], [x, pattern], "model")
    completed = []

    def new_queue() -> ov.AsyncInferQueue:
        queue = ov.AsyncInferQueue(ov.Core().compile_model(model, "CPU"), 2)
        queue.set_callback(lambda request, userdata: completed.append(userdata))
        return queue

    image = np.ones([2, 3], np.float32)
    queue = new_queue()
    queue.start_async({"x": image, "pattern": np.array([5, 5])}, "bad")
    good = {"x": image, "pattern": np.array([3, 2])}
    with pytest.raises(RuntimeError, match="conflicts with"):
        for _ in range(len(queue)):
            queue.start_async(good, "another")
    for _ in range(3):
        with pytest.raises(RuntimeError, match="conflicts with"):
            queue.start_async(good, "another")
        with pytest.raises(RuntimeError, match="conflicts with"):
            queue.wait_all()
    assert "bad" not in completed
    queue = new_queue()
    queue.start_async(good, "good")
    queue.wait_all()
    assert completed[-1] == "good"


class Holder:
    """Holds a queue, and a callback of one kind."""

    def __init__(self, callback: str) -> None:
        self.queue = queue = ov.AsyncInferQueue(two_inputs())
        callbacks = {
            "a method": self.on_complete,
            "names the queue": lambda *_: queue,
            "names neither": lambda *_: None,
        }
        queue.set_callback(callbacks[callback])

    def on_complete(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    "callback, is_kept",
    [("a method", True), ("names the queue", True), ("names neither", False)],
)
def test_a_callback_that_leads_to_the_queue_keeps_it(callback, is_kept):
    queue = weakref.ref(Holder(callback).queue)
    gc.collect()
    assert (queue() is not None) == is_kept
