"""README's infer_all: each result in its place, errors raised, and programs that end."""

import shutil
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import ops
from support import (
    EXAMPLE,
    INFER_ALL,
    compile_model,
    infer_once,
    load_function,
    optimal_number_of_infer_requests,
    run_command,
    run_side_by_side,
    save,
    save_reshape,
    save_sum,
)

infer_all = load_function("infer_all", INFER_ALL)


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


def test_few_inputs_or_none_are_enough(small_model, arrays):
    assert list(infer_all(small_model, [])) == []
    ((name, outputs),) = infer_all(small_model, [("one", [arrays[0]])])
    assert name == "one"
    np.testing.assert_array_equal(outputs[0], *infer_once(small_model, arrays[:1]))


def test_rows_of_any_length_are_taken_as_they_are(tmp_path):
    x = ops.parameter(ov.PartialShape("[1,?]"), np.float32, name="x")
    model = compile_model(save(tmp_path / "model.xml", [ops.add(x, x)], [x]))
    rows = [np.full([1, 1 + number % 6], number, np.float32) for number in range(120)]
    results = list(
        infer_all(model, ((number, [row]) for number, row in enumerate(rows)))
    )
    assert len(results) == 120
    for number, outputs in results:
        np.testing.assert_array_equal(outputs[0], 2 * rows[number])


ONES = np.ones([2, 3], np.float32)
RIGHT = [ONES, np.array([3, 2])]


@pytest.mark.parametrize(
    "arrays, text",
    [([ONES], "1 arrays for 2 inputs"), ([*RIGHT, ONES], "3 arrays for 2 inputs")],
)
def test_a_wrong_number_of_arrays_is_named(tmp_path, arrays, text):
    model = compile_model(save_reshape(tmp_path / "model.xml"))
    with pytest.raises(ValueError, match=f"^the third: {text}$"):
        list(infer_all(model, [(1, RIGHT), (2, RIGHT), ("the third", arrays)]))


# Where inference has one thread, InferRequest.infer() would lose the second error.
@pytest.mark.parametrize("config", [{}, {"INFERENCE_NUM_THREADS": 1}])
@pytest.mark.parametrize(
    "arrays, text",
    [([ONES[:1], RIGHT[1]], "hape"), ([ONES, np.array([5, 6])], "conflicts with")],
    ids=["wrong shape", "failed inference"],
)
def test_an_error_is_raised_after_the_results_before_it(tmp_path, config, arrays, text):
    model = compile_model(save_reshape(tmp_path / "model.xml"), **config)
    number = 4 * optimal_number_of_infer_requests(model)
    inputs = [(name, RIGHT) for name in range(number)]
    names = []
    with pytest.raises(RuntimeError, match=text):
        for name, outputs in infer_all(model, [*inputs, ("bad", arrays), *inputs]):
            np.testing.assert_array_equal(outputs[0], np.ones([3, 2]))
            names.append(name)
    assert names == list(range(len(names)))
    if text == "conflicts with":
        assert len(names) == number


def test_an_error_of_the_source_is_raised(small_model, arrays):
    def inputs() -> Iterator[tuple]:
        yield "one", [arrays[0]]
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(infer_all(small_model, inputs()))


def test_a_fast_source_is_held_back(slow_model):
    taken = []

    def inputs() -> Iterator[tuple]:
        for name in range(300):
            taken.append(name)
            yield name, (np.full([512, 512], name, np.float32),)

    requests = 2 * optimal_number_of_infer_requests(slow_model)
    tracemalloc.start()
    for name, _ in infer_all(slow_model, inputs()):
        # No input is taken before a request is idle, and none of them waits for another.
        assert len(taken) - name == requests
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


COMPILE = """
import sys
import numpy as np
import openvino as ov

compiled_model = ov.Core().compile_model(
    sys.argv.pop(1), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
)
"""
ENDS = """
def inputs():
    for name in range(50):
        if end == "error of the source" and name == 20:
            raise LookupError(end)
        array = np.zeros([512, 512], np.float32)
        yield name, [array[:9] if end == "wrong shape" and name == 20 else array]


end = sys.argv[1]
results = infer_all(compiled_model, inputs())
for name, outputs in results:
    if name == 10 and end == "left half-way in a global":
        sys.exit()
    if name == 10 and end == "break":
        break
    if name == 10 and end == "error of the loop":
        raise LookupError(end)
"""
LAST_LINES = {
    "all done": "",
    "break": "",
    "left half-way in a global": "",
    "error of the loop": "LookupError: error of the loop",
    "error of the source": "LookupError: error of the source",
    "wrong shape": "",
}


@pytest.mark.slow
@pytest.mark.parametrize("end", LAST_LINES)
def test_a_program_ends(models_by_ms, end):
    program = INFER_ALL + COMPILE + ENDS
    command = [sys.executable, "-c", program, models_by_ms[2], end]
    for exit_status, _, stderr in run_side_by_side(command, 8):
        assert exit_status == (1 if "error" in end or "wrong" in end else 0), stderr
        assert stderr.endswith(f"{LAST_LINES[end]}\n" if exit_status else "")


@pytest.mark.slow
def test_a_user_runs_the_example_on_images(tmp_path, networks):
    model = Path(networks("googlenet-v1"))
    for suffix in [".xml", ".bin"]:
        shutil.copy(model.with_suffix(suffix), tmp_path / f"model{suffix}")
    images = np.random.default_rng(0).random([3, 1, 3, 224, 224], np.float32)
    names = ["a.npy", "b.npy", "c.npy"]
    for name, image in zip(names, images, strict=True):
        np.save(tmp_path / name, image)
    command = [sys.executable, "-c", INFER_ALL + EXAMPLE, *names]
    exit_status, stdout, stderr = run_command(command, tmp_path)
    assert (exit_status, stderr) == (0, "")
    outputs = infer_once(compile_model(str(model)), images)
    lines = [f"{n} {o.argmax()}\n" for n, o in zip(names, outputs, strict=True)]
    assert stdout == "".join(lines)
