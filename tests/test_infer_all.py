"""README's infer_all and its program: each result in its place, none lost, and it ends."""

import signal
import sys
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import openvino as ov
import pytest
from support import (
    load_program,
    optimal_number_of_infer_requests,
    press_after,
    run_command,
    run_side_by_side,
    save_reshape,
    save_sum,
)

import throughput_benchmark

infer_all = load_program("classify").infer_all


def compile_model(path: str, **config: object) -> ov.CompiledModel:
    return ov.Core().compile_model(
        path, "CPU", {**throughput_benchmark.CONFIG, **config}
    )


def infer_once(model: ov.CompiledModel, arrays: np.ndarray) -> list[np.ndarray]:
    """Return the output of each input, one after the other, by another request."""
    request = model.create_infer_request()
    return [request.infer([array])[0] for array in arrays]


@pytest.fixture(scope="module")
def slow_model(models_by_ms: dict[float, str]) -> ov.CompiledModel:
    return compile_model(models_by_ms[20])


def test_3000_outputs_are_those_of_their_inputs(small_model, arrays):
    expected = infer_once(small_model, arrays)
    assert len({output.tobytes() for output in expected}) == 20
    # All in one array, which is overwritten once the input has been taken.
    array = np.empty([1, 3, 16, 16], np.float32)

    def inputs() -> Iterator[tuple]:
        for name in range(3000):
            array[...] = arrays[name * 7 % 20]
            yield name, (array,)

    results = list(infer_all(small_model, inputs()))
    assert [name for name, _ in results] == list(range(3000))
    for name, outputs in results:
        np.testing.assert_array_equal(outputs[0], expected[name * 7 % 20])


def read_and_fail(name: str) -> np.ndarray:
    raise OSError(f"no {name}")


ONES = np.ones([2, 3], np.float32)
RIGHT = (ONES, np.array([3, 2]))
MISFITS = {
    "wrong shape": ((np.ones([3, 3], np.float32), np.array([3, 2])), RuntimeError, ""),
    "too few": ((ONES,), ValueError, "1 arrays for 2 inputs"),
    "too many": ((*RIGHT, ONES), ValueError, "3 arrays for 2 inputs"),
    "none": (None, TypeError, "not iterable"),
    "nones": ((None, None), TypeError, "NoneType"),
    "text": ((np.array("a"), np.array("b")), ValueError, "could not convert"),
}


@pytest.mark.parametrize("config", [{}, {"INFERENCE_NUM_THREADS": 1}])
def test_what_fails_comes_in_its_place_as_the_exception(tmp_path, config):
    model = compile_model(save_reshape(tmp_path / "model.xml"), **config)
    inputs = [("unread", map(read_and_fail, ["file"]))]
    inputs += [(name, misfit) for name, (misfit, _, _) in MISFITS.items()]
    for number in range(30):
        # Another one each time: OpenVINO takes a pattern that it has just refused.
        inputs.append((f"fails {number}", (ONES, np.array([5, 5 + number]))))
        inputs.append((f"right {number}", RIGHT))
    results = list(infer_all(model, inputs))
    assert [name for name, _ in results] == [name for name, _ in inputs]
    for name, outputs in results:
        assert getattr(outputs, "__traceback__", None) is None  # it keeps arrays alive
        if name.startswith("right"):
            np.testing.assert_array_equal(outputs[0], np.ones([3, 2]))
        elif name.startswith("fails"):
            assert isinstance(outputs, RuntimeError)
            assert "conflicts with" in str(outputs)
        else:
            _, error, text = MISFITS.get(name, (None, OSError, "no file"))
            assert isinstance(outputs, error), name
            assert text in str(outputs)


@pytest.mark.parametrize("eighth", ["raised", "no pair"])
def test_an_error_of_the_source_comes_after_what_had_been_started(slow_model, eighth):
    def inputs() -> Iterator[tuple]:
        for name in range(7):
            yield name, [np.zeros([512, 512], np.float32)]
        if eighth == "no pair":
            yield "no", "pair", "here"
        raise ValueError("too many inputs")

    results = infer_all(slow_model, inputs())
    assert [next(results)[0] for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="too many"):
        next(results)


def test_a_slow_source_delays_no_result_by_more_than_one_input(small_model):
    yielded = []
    yielded_by_then = []

    def inputs() -> Iterator[tuple]:
        for name in range(6):
            yielded_by_then.append(len(yielded))
            time.sleep(0.3)  # the inference before has long completed
            array = None if name == 0 else np.zeros([1, 3, 16, 16], np.float32)
            yield name, (array,)

    yielded.extend(name for name, _ in infer_all(small_model, inputs()))
    assert yielded == list(range(6))
    assert len(yielded_by_then) == 6
    for name, number in enumerate(yielded_by_then):
        assert name - 1 <= number <= name


def test_a_fast_source_fills_no_memory(slow_model):
    taken = []

    def inputs() -> Iterator[tuple]:
        for name in range(300):
            taken.append(name)
            yield name, (np.full([512, 512], name, np.float32),)

    tracemalloc.start()
    for name, _ in infer_all(slow_model, inputs()):
        in_flight = len(taken) - name
        assert in_flight <= 2 * optimal_number_of_infer_requests(slow_model)
        assert in_flight >= 2 or name > 0  # the first is waited for when all are busy
        if name == 100:
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6  # an input and an output take 2 MB, 100 of them 200 MB


def test_no_inference_meets_the_state_that_another_has_left(tmp_path):
    model = compile_model(save_sum(tmp_path / "model.xml"))
    inputs = ((value, [np.float32([value])]) for value in range(100))
    for value, outputs in infer_all(model, inputs):
        assert outputs[0].tolist() == [value]


ENDS = """
import sys

import numpy as np
from classify import infer_all
from throughput_benchmark import compile_model

end, path = sys.argv[1:]


def inputs():
    for name in range(50):
        if end == "error of the source" and name == 20:
            raise LookupError(end)
        array = np.zeros([512, 512], np.float32)
        yield name, [array[:9] if end == "wrong shapes" and name % 2 else array]


results = infer_all(compile_model(path, "CPU"), inputs())
for name, outputs in results:
    if name == 10 and end == "left half-way in a global":
        sys.exit()
    if name == 10 and end == "break":
        break
    if name == 10 and end == "error of the loop":
        raise LookupError(end)
"""


@pytest.mark.parametrize(
    "end",
    [
        "all done",
        "wrong shapes",
        "break",
        "left half-way in a global",
        "error of the loop",
        "error of the source",
    ],
)
def test_a_program_ends(folder, models_by_ms, end):
    command = [sys.executable, "-c", ENDS, end, models_by_ms[2]]
    ends = run_side_by_side(command, 8, folder)
    if end.startswith("error"):
        assert {exit_status for exit_status, _ in ends} == {1}
        assert all(stderr.endswith(f"LookupError: {end}\n") for _, stderr in ends)
    else:
        assert ends == {(0, "")}


def test_a_user_classifies_images_good_and_bad(folder, networks):
    model = networks("googlenet-v1")
    images = np.random.default_rng(0).random([2, 1, 3, 224, 224], np.float32)
    for name, image in [("a", images[0]), ("b", images[1]), ("misshapen", images)]:
        np.save(folder / f"{name}.npy", image)
    (folder / "unreadable.npy").write_text("no image")
    names = ["a", "missing", "misshapen", "b", "unreadable", "a"]
    command = [sys.executable, "-E", "classify.py", model]
    exit_status, stdout, stderr = run_command(
        [*command, *[f"{name}.npy" for name in names]], folder
    )
    compiled_model = throughput_benchmark.compile_model(model, "CPU")
    a, b = (output.argmax() for output in infer_once(compiled_model, images))
    assert stdout == f"a.npy {a}\nb.npy {b}\na.npy {a}\n"
    assert exit_status == 1
    missing, misshapen, unreadable = (
        stderr.index(f"{name}.npy ") for name in ["missing", "misshapen", "unreadable"]
    )
    assert missing < misshapen < unreadable
    assert "missing.npy FileNotFoundError(2, " in stderr
    assert "[2,1,3,224,224]" in stderr or "(2.1.3.224.224)" in stderr
    assert run_command([*command, "a.npy"], folder) == (0, f"a.npy {a}\n", "")


@pytest.mark.parametrize("presses", [(0.05,), (0, 0, 0), (0.05, 0.001, 0.02)])
def test_ctrl_c_loses_nothing_that_was_printed(folder, models_by_ms, presses):
    arrays = np.random.default_rng(0).random([3, 512, 512], np.float32)
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array)
    names = [f"{number % 3}.npy" for number in range(300)]
    command = [sys.executable, "-E", "classify.py", models_by_ms[100], *names]
    exit_status, stdout, stderr = press_after("1.npy ", command, folder, presses)
    assert exit_status == -signal.SIGINT
    assert "KeyboardInterrupt" in stderr
    lines = stdout.splitlines()
    assert 2 <= len(lines) < 300
    model = throughput_benchmark.compile_model(models_by_ms[100], "CPU")
    classes = [output.argmax() for output in infer_once(model, arrays)]
    for number, line in enumerate(lines):
        assert line == f"{number % 3}.npy {classes[number % 3]}"
