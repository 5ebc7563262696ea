"""README's application: each result is its input's own, none is lost, and it ends."""

import asyncio
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType

import numpy as np
import openvino as ov
import pytest
from models import ops
from support import (
    APPLICATION,
    SCRIPT,
    load_application,
    press_after,
    run_command,
    run_side_by_side,
    save,
)

import throughput_benchmark

# Beside a copy of the script, as README says.
COMMAND = [sys.executable, "-E", "classify.py"]


@pytest.fixture
def application(tmp_path, monkeypatch) -> ModuleType:
    """Import README's application; two infer requests on any machine."""
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 2)
    return load_application(tmp_path, throughput_benchmark)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Put the script and the application side by side."""
    (tmp_path / "classify.py").write_text(APPLICATION, "utf-8")
    shutil.copy(SCRIPT, tmp_path)
    return tmp_path


def infer_once(model: str, arrays: np.ndarray) -> list[np.ndarray]:
    """Return the output of each input, one after the other."""
    request = ov.Core().compile_model(model, "CPU").create_infer_request()
    return [request.infer(array)[0] for array in arrays]


@pytest.fixture(scope="module")
def arrays() -> np.ndarray:
    return np.random.default_rng(0).random([100, 1, 3, 16, 16], np.float32)


@pytest.fixture(scope="module")
def expected(networks: Callable[[str], str], arrays: np.ndarray) -> list[np.ndarray]:
    """Outputs of two-convolutions, which differ from input to input."""
    outputs = infer_once(networks("two-convolutions"), arrays)
    assert len({output.tobytes() for output in outputs}) == len(arrays)
    return outputs


def infer(infer: Callable, array: np.ndarray) -> np.ndarray:
    return infer(array)[0]


def test_sixteen_threads_get_the_result_of_their_own_input(
    application, networks, arrays, expected
):
    with application.open_model(networks("two-convolutions")) as submit:

        def count_right(client: int) -> int:
            numbers = [number % len(arrays) for number in range(client, 5000, 16)]
            return sum(
                np.array_equal(submit(infer, arrays[n]).result(), expected[n])
                for n in numbers
            )

        with ThreadPoolExecutor(16) as clients:
            assert sum(clients.map(count_right, range(16))) == 5000


def test_a_hundred_tasks_get_the_result_of_their_own_input(
    application, networks, arrays, expected
):
    async def count_right(submit: Callable[..., Future], n: int) -> int:
        right = 0
        for _ in range(20):
            output = await asyncio.wrap_future(submit(infer, arrays[n]))
            right += np.array_equal(output, expected[n])
        return right

    async def run_tasks(submit: Callable[..., Future]) -> int:
        return sum(await asyncio.gather(*[count_right(submit, n) for n in range(100)]))

    with application.open_model(networks("two-convolutions")) as submit:
        assert asyncio.run(run_tasks(submit)) == 2000


def test_it_serves_one_batch_after_the_other_and_no_result_changes_later(
    application, networks, arrays, expected
):
    with application.open_model(networks("two-convolutions")) as submit:
        batches = []
        for _ in range(5):
            batches.append([submit(infer, array) for array in arrays])
            wait(batches[-1])
    for futures in batches:
        outputs = [future.result() for future in futures]
        np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("requests", [1, 2, 5])
def test_as_many_run_at_a_time_as_there_are_infer_requests(
    application, networks, monkeypatch, requests
):
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", requests)
    together = threading.Barrier(requests)
    with application.open_model(networks("two-convolutions")) as submit:
        futures = [submit(lambda infer: together.wait(100)) for _ in range(requests)]
        assert sorted(future.result() for future in futures) == [*range(requests)]
        barrier = threading.Barrier(requests + 1)
        futures = [submit(lambda infer: barrier.wait(0.3)) for _ in range(requests + 1)]
    assert all(
        isinstance(future.exception(), threading.BrokenBarrierError)
        for future in futures
    )


def test_a_user_classifies_images_good_and_bad(folder, networks):
    model = networks("googlenet-v1")
    images = np.random.default_rng(0).random([2, 1, 3, 224, 224], np.float32)
    for name, image in [("a", images[0]), ("b", images[1]), ("misshapen", images)]:
        np.save(folder / f"{name}.npy", image)
    (folder / "unreadable.npy").write_text("no image")
    names = ["a.npy", "missing.npy", "misshapen.npy", "unreadable.npy", "b.npy"]
    exit_status, stdout, stderr = run_command([*COMMAND, model, *names], folder)
    assert (exit_status, stderr) == (1, "")
    a, b = (output.argmax() for output in infer_once(model, images))
    lines = stdout.splitlines()
    assert (lines[0], lines[-1]) == (f"a.npy {a}", f"b.npy {b}")
    assert "missing.npy [Errno 2] No such file" in stdout
    shape, right = "(2, 1, 3, 224, 224)", "[1,3,224,224]"
    assert f"misshapen.npy shape {shape}, not {right}\n" in stdout
    assert "unreadable.npy " in stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_keeps_what_has_completed(folder, models_by_ms, times):
    program = (folder / "classify.py").read_text("utf-8")
    start = '    """Return the class with the highest score of one image."""\n'
    assert start in program
    program = program.replace(start, "    print('begun', flush=True)\n")
    (folder / "classify.py").write_text(program, "utf-8")
    images = np.random.default_rng(0).random([3, 512, 512], np.float32)
    names = [f"{number}.npy" for number in range(3)]
    for name, image in zip(names, images, strict=True):
        np.save(folder / name, image)
    copies = [f"{'./' * number}{name}" for number in range(100) for name in names]
    command = [*COMMAND, models_by_ms[100], *copies]
    exit_status, stdout, stderr = press_after(
        "begun\n" * 5, command, seconds=0.01, cwd=folder, times=times
    )
    assert exit_status == -signal.SIGINT
    assert stderr.endswith("\nKeyboardInterrupt\n")
    lines = [line for line in stdout.splitlines() if line != "begun"]
    assert stdout.count("begun\n") == len(lines) < len(copies)
    classes = [output.argmax() for output in infer_once(models_by_ms[100], images)]
    expected = [
        f"{copy} {classes[n % 3]}" for n, copy in enumerate(copies[: len(lines)])
    ]
    assert lines == expected


def test_twenty_ends_at_the_moment_of_the_last_result(folder, networks):
    model = networks("two-convolutions")
    np.save(folder / "x.npy", np.zeros([1, 3, 16, 16], np.float32))
    command = [*COMMAND, model, "x.npy", "missing.npy", "./x.npy"]
    assert run_side_by_side(command, 20, folder) == {(1, "")}


def save_reshape(path: Path) -> str:
    """Save a model that fails where the pattern does not suit the numbers."""
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    return save(path, [ops.reshape(x, pattern, special_zero=False)], [x, pattern])


# OpenVINO's synchronous inference loses the error where it has one thread.
@pytest.mark.parametrize("config", [{}, {"INFERENCE_NUM_THREADS": 1}])
def test_a_failed_inference_is_its_own_failure_alone(
    application, monkeypatch, tmp_path, config
):
    config = {**throughput_benchmark.CONFIG, **config}
    monkeypatch.setattr(throughput_benchmark, "CONFIG", config)

    def reshape(infer: Callable, pattern: list[int]) -> np.ndarray:
        return infer(np.ones([2, 3], np.float32), np.array(pattern))[0]

    # Another one each time: OpenVINO takes a pattern that it has just refused.
    patterns = [[3, 2] if n % 3 else [5, 5 + n] for n in range(30)]
    with application.open_model(save_reshape(tmp_path / "model.xml")) as submit:
        futures = [submit(reshape, pattern) for pattern in patterns]
    for n, future in enumerate(futures):
        if n % 3:
            assert future.result().shape == (3, 2)
        else:
            with pytest.raises(RuntimeError, match="conflicts with"):
                future.result()


def test_a_cancelled_future_is_not_run_and_keeps_no_other_from_it(
    application, networks, arrays, expected
):
    goes_on = threading.Event()
    with application.open_model(networks("two-convolutions")) as submit:
        begun = [submit(lambda infer: goes_on.wait(100)) for _ in range(2)]
        cancelled = submit(infer, arrays[0])
        kept = submit(infer, arrays[1])
        assert cancelled.cancel()
        goes_on.set()
    assert all(future.result() for future in begun)
    np.testing.assert_array_equal(kept.result(), expected[1])


def test_an_error_in_the_block_waits_for_what_has_begun_alone(
    application, models_by_ms
):
    begun = []

    def infer_slowly(infer: Callable) -> int:
        begun.append(1)
        return infer(np.zeros([512, 512], np.float32))[0].size

    with (
        pytest.raises(ValueError, match="in the block"),
        application.open_model(models_by_ms[100]) as submit,
    ):
        futures = [submit(infer_slowly) for _ in range(100)]
        while not begun:
            time.sleep(0.001)
        raise ValueError("in the block")
    assert all(future.done() for future in futures)
    completed = [future.result() for future in futures if not future.cancelled()]
    assert completed == [512 * 512] * len(begun)
    assert 1 <= len(begun) <= 4
    with pytest.raises(RuntimeError, match="after shutdown"):
        submit(infer_slowly)


def test_no_input_meets_the_state_that_another_has_left(application, tmp_path):
    x = ops.parameter([1], np.float32, name="x")
    total = ops.add(ops.read_value(np.zeros(1, np.float32), "total"), x)
    assign = ops.assign(total, "total")
    path = save(tmp_path / "model.xml", [total], [x], [assign])

    def infer_twice(infer: Callable, value: float) -> list[float]:
        return [float(infer(np.float32([value]))[0][0]) for _ in range(2)]

    with application.open_model(path) as submit:
        futures = [submit(infer_twice, value) for value in range(20)]
    sums = [future.result() for future in futures]
    assert sums == [[value, 2 * value] for value in range(20)]


def test_an_input_that_is_left_out_is_an_error(application, tmp_path):
    model = save_reshape(tmp_path / "model.xml")
    arrays = [np.ones([2, 3], np.float32), np.array([3, 2]), np.array([3, 2])]
    with application.open_model(model) as submit:
        futures = [
            submit(lambda infer, number: infer(*arrays[:number])[0].shape, number)
            for number in range(4)
        ]
    errors = [type(future.exception()) for future in futures]
    assert errors == [ValueError, ValueError, type(None), ValueError]
    assert futures[2].result() == (3, 2)


def test_a_device_that_there_is_not_is_named_beside_those_there_are(
    application, networks
):
    with (
        pytest.raises(RuntimeError, match="Available devices: .*CPU"),
        application.open_model(networks("two-convolutions"), "FOO"),
    ):
        pass


def test_an_array_is_cast_and_an_output_has_its_name(application, tmp_path):
    x = ops.parameter([2], np.uint8, name="x")
    y = ops.relu(x)
    y.output(0).get_tensor().set_names({"y"})
    model = save(tmp_path / "model.xml", [y], [x])
    with application.open_model(model) as submit:
        outputs = submit(lambda infer: infer(np.array([1.5, 2.5]))).result()
    for key in [0, "y"]:
        assert outputs[key].tolist() == [1, 2]


# Each thread asks for its first NumPy array at the same time.
FIRST_ARRAYS = """
import sys
import threading

import numpy as np
import throughput_benchmark
from classify import open_model

together = threading.Barrier(8)


def infer_together(infer):
    together.wait()
    return infer(np.zeros([1, 3, 16, 16], np.float32))


throughput_benchmark.INFER_REQUESTS = 8
sys.setswitchinterval(1e-6)
with open_model(sys.argv[1]) as submit:
    futures = [submit(infer_together) for _ in range(8)]
sys.exit(sum(len(future.result()) for future in futures) - 8)
"""


def test_threads_that_begin_at_once_do_not_wait_for_each_other(folder, networks):
    # Were the inputs not filled on one thread, three of four processes would hang.
    command = [sys.executable, "-c", FIRST_ARRAYS, networks("two-convolutions")]
    assert run_side_by_side(command, 4, folder) == {(0, "")}
