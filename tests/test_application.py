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
    r"^```diff\n(-        latencies.*?)^```$", README, re.MULTILINE | re.DOTALL
)
IMAGES = ["one.npy", "other.npy"]


@pytest.fixture
def worker(tmp_path) -> Path:
    """Write the script with the worker in place of measure and report."""
    source = SCRIPT.read_text("utf-8")
    start, main = source.index("def measure("), source.index("def main(")
    source = f"{source[:start]}{WORKER}\n\n{source[main:]}"
    old, new = (
        "".join(f"{line[1:]}\n" for line in CALL.splitlines() if line[0] == sign)
        for sign in "-+"
    )
    assert source.count(old) == 1
    script = tmp_path / "worker.py"
    script.write_text(source.replace(old, new), "utf-8")
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
    """Holds a queue, and a callback that is a method of its own or a function."""

    def __init__(self, model: str, is_method: bool) -> None:
        self.queue = ov.AsyncInferQueue(ov.Core().compile_model(model, "CPU"))
        self.queue.set_callback(self.on_complete if is_method else lambda *_: None)

    def on_complete(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("is_method", [True, False])
def test_a_method_as_callback_keeps_its_object_alive(networks, is_method):
    holder = weakref.ref(Holder(networks("two-convolutions"), is_method))
    gc.collect()
    assert (holder() is not None) == is_method
