"""Inputs: every element type, shape, name and path, and the random data they are given."""

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import Node, ops
from support import edited_script, parse_measured, run, save

import throughput_benchmark

FLOATING_POINT = ["f16", "f32", "f64", "bf16"]
INTEGERS = ["i16", "i32", "i64", "u8", "u16", "u32", "u64"]
ANY_BITS = ["i8", "f8e4m3", "f8e5m2", "f8e8m0", "i4", "u2", "u4", "f4e2m1", "nf4"]
ELEMENT_TYPES = ["boolean", *FLOATING_POINT, *INTEGERS, *ANY_BITS, "string"]

# Releases from this one on accept all element types as inputs of the CPU plugin.
RELEASE = [int(number) for number in ov.get_version().split("-")[0].split(".")]
ACCEPTS_ALL = RELEASE >= [2026, 4]


def identity(inputs: list[Node]) -> list[Node]:
    return [ops.result(x) for x in inputs]


def accepts(x: Node) -> bool:
    """Whether the CPU plugin compiles a model of this input; newer releases must."""
    try:
        ov.Core().compile_model(ov.Model(identity([x]), [x], "identity"), "CPU")
    except RuntimeError:
        if ACCEPTS_ALL:
            raise
        return False
    return True


def parameter(name: str, shape: list[int]) -> Node:
    """Return an input of an element type; older releases may skip the test."""
    if ACCEPTS_ALL or hasattr(ov.Type, name):
        x = ops.parameter(shape, getattr(ov.Type, name), name="x")
        if accepts(x):
            return x
    pytest.skip(f"the CPU plugin of this release refuses {name} of shape {shape}")


@pytest.fixture
def fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Return a function from an element type and a shape to a tensor as it is measured."""
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 1)

    def filled_tensor(name: str, shape: list[int]) -> ov.Tensor:
        x = parameter(name, shape)
        model = save(tmp_path / "model.xml", identity([ops.shape_of(x)]), [x])
        queue = throughput_benchmark.create_queue(model, "CPU")
        return queue[0].input_tensors[0]

    return filled_tensor


def read_back(tensor: ov.Tensor) -> np.ndarray:
    """Return the values of a tensor as OpenVINO converts them to f32; f64 as they are."""
    if tensor.element_type == ov.Type.f64:
        return tensor.data
    x = ops.parameter(list(tensor.shape), tensor.element_type)
    model = ov.Model([ops.convert(x, "f32")], [x], "read_back")
    values = ov.Tensor(ov.Type.f32, tensor.shape)
    assert model.evaluate([values], [tensor])
    return values.data


MILLION = [1000, 1000]


@pytest.mark.parametrize(
    "name, distinct",
    [("f16", 8000), ("bf16", 1000), ("f32", 900_000), ("f64", 900_000)],
)
def test_floating_point_is_evenly_spread_from_0_to_255(fill, name, distinct):
    values = read_back(fill(name, MILLION))
    counts, _ = np.histogram(values, bins=10, range=(0, 255))
    assert counts.sum() == 10**6
    assert (abs(counts - 100_000) < 3000).all()
    assert len(np.unique(values)) >= distinct


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_random_in_0_to_255(fill, name):
    assert set(read_back(fill(name, MILLION)).flat) == set(range(256))


@pytest.mark.parametrize("name", ANY_BITS)
def test_types_of_8_bits_and_fewer_take_all_their_values(fill, name):
    tensor = fill(name, MILLION)
    assert set(tensor.data.view(np.uint8).flat) == set(range(256))


def test_booleans_are_random_of_both_kinds(fill):
    tensor = fill("boolean", [10, 10])
    assert set(tensor.data.view(np.uint8).flat) == {0, 1}
    assert 20 < np.count_nonzero(tensor.data) < 80


def test_strings_are_random_numbers_as_text(fill):
    words = fill("string", [10, 10]).str_data.flatten().tolist()
    assert len(set(words)) > 95
    assert all(1 <= len(word) <= 6 and word.isdecimal() for word in words)


# Beside the tensor, in its own bytes: NumPy makes f16 and bf16 from f32.
@pytest.mark.parametrize(
    "name, most",
    [
        ("f32", 0.01),
        ("f64", 0.01),
        ("f16", 2.01),
        ("bf16", 2.01),
        ("u8", 1.01),
        ("i64", 0.14),
    ],
)
def test_a_large_input_is_filled_without_a_larger_copy(fill, name, most):
    fill(name, [1])  # what is imported for it stays
    tracemalloc.start()
    tensor = fill(name, MILLION)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < most * tensor.byte_size


def filled_inputs(model: str) -> list[list[np.ndarray]]:
    """Return a copy of the inputs of each request."""
    queue = throughput_benchmark.create_queue(model, "CPU")
    return [
        [tensor.data.copy() for tensor in request.input_tensors] for request in queue
    ]


def test_each_input_has_random_data_of_its_own_in_each_run_the_same(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(throughput_benchmark, "INFER_REQUESTS", 3)
    inputs = [
        ops.parameter([2, 100], dtype) for dtype in [np.float32, np.uint8, np.float32]
    ]
    model = save(tmp_path / "x.xml", identity(inputs), inputs)
    one, other = filled_inputs(model), filled_inputs(model)
    np.testing.assert_equal(one, other)
    assert [len(arrays) for arrays in one] == [3, 3, 3]
    arrays = [array for arrays in one for array in arrays]
    for index, array in enumerate(arrays):
        assert len(np.unique(array)) > 80
        assert not any((array == other).all() for other in arrays[:index])


def test_all_element_types_at_once_raise_no_warning(tmp_path):
    inputs = []
    for name in ELEMENT_TYPES:
        if hasattr(ov.Type, name):
            x = ops.parameter([3], getattr(ov.Type, name), f"input_{name}")
            if accepts(x):
                inputs.append(x)
    assert len(inputs) == 22 or not ACCEPTS_ALL
    model = save(
        tmp_path / "all.xml", identity([ops.shape_of(x) for x in inputs]), inputs
    )
    exit_status, _, stderr = run(model, script=edited_script(tmp_path))
    assert exit_status == 0
    parse_measured(stderr)


SHAPES = {"scalar": [], "one element": [1], "size 0": [3, 0], "nine": [1] * 8 + [2]}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "name", ["f32", "f16", "bf16", "boolean", "i8", "u64", "string"]
)
def test_any_static_shape_is_measured(tmp_path, measured, shape, name):
    x = parameter(name, shape)
    measured(save(tmp_path / "x.xml", identity([x]), [x]))


def test_a_model_without_inputs_is_measured(tmp_path, measured):
    y = ops.random_uniform([10], np.float32(0), np.float32(1), "f32")
    measured(save(tmp_path / "x.xml", identity([y]), []))


NAMES = ["my model", "модель", "模型", "modèle é", "a'b", "-x"]
if sys.platform != "win32":  # which forbids it
    NAMES.append('a"b')


@pytest.mark.parametrize("name", NAMES)
def test_a_path_of_any_letters_is_measured(tmp_path, monkeypatch, measured, name):
    if not name.isascii() and sys.getfilesystemencoding() != "utf-8":
        pytest.skip("the locale has no such letters")
    (tmp_path / name).mkdir()
    x = ops.parameter([2, 3], np.float32, name="x")
    save(tmp_path / name / f"{name}.xml", [ops.relu(x)], [x])
    monkeypatch.chdir(tmp_path)
    measured("--", str(Path(name, f"{name}.xml")))
