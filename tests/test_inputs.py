"""Inputs: every element type, shape, name and path, and the random data they are given."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import Node, ops
from support import save

import throughput_benchmark

OF_ALL_NUMBERS = ["f16", "f32", "f64", "bf16"]
OF_ALL_NUMBERS += ["i16", "i32", "i64", "u8", "u16", "u32", "u64"]
ANY_BITS = ["i8", "f8e4m3", "f8e5m2", "f8e8m0", "i4", "u2", "u4", "f4e2m1", "nf4"]
ELEMENT_TYPES = ["boolean", *OF_ALL_NUMBERS, *ANY_BITS, "string"]


def identity(inputs: list[Node]) -> list[Node]:
    return [ops.result(x) for x in inputs]


def parameter(name: str, shape: list[int]) -> Node:
    """Return an input of an element type, if this release has it for the CPU."""
    if not hasattr(ov.Type, name):
        pytest.skip(f"this release has no {name}")
    x = ops.parameter(shape, getattr(ov.Type, name), name="x")
    try:
        ov.Core().compile_model(ov.Model(identity([x]), [x], "identity"), "CPU")
    except RuntimeError:
        pytest.skip(f"the CPU plugin of this release refuses {name} of shape {shape}")
    return x


@pytest.fixture
def fill(tmp_path: Path) -> Callable[[str, list[int]], ov.Tensor]:
    """Return a function from an element type and a shape to a filled tensor."""

    def filled_tensor(name: str, shape: list[int]) -> ov.Tensor:
        x = parameter(name, shape)
        model = ov.Model(identity([ops.shape_of(x)]), [x], "shape_of")
        queue = ov.AsyncInferQueue(ov.Core().compile_model(model, "CPU"), 1)
        throughput_benchmark.fill_inputs(queue)
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


@pytest.mark.parametrize("name", OF_ALL_NUMBERS)
def test_numbers_are_whole_random_and_evenly_spread_from_0_to_255(fill, name):
    numbers, counts = np.unique(read_back(fill(name, MILLION)), return_counts=True)
    np.testing.assert_array_equal(numbers, range(256))
    assert (abs(counts / (10**6 / 256) - 1) < 0.1).all()


@pytest.mark.parametrize("name", ANY_BITS)
def test_types_of_8_bits_and_fewer_take_all_their_values(fill, name):
    tensor = fill(name, MILLION)
    assert set(tensor.data.view(np.uint8).flat) == set(range(256))


def test_booleans_are_random_of_both_kinds(fill):
    tensor = fill("boolean", [10, 10])
    assert set(tensor.data.view(np.uint8).flat) == {0, 1}
    assert 20 < np.count_nonzero(tensor.data) < 80


def test_strings_are_random_numbers_as_text(fill):
    words = fill("string", [100, 100]).str_data.flatten().tolist()
    assert set(words) == {str(number) for number in range(256)}


@pytest.mark.parametrize("name", ["f32", "f64", "f16", "u8", "i64"])
def test_a_large_input_is_filled_by_a_byte_for_each_number(fill, name):
    fill(name, [1])  # what is imported for it stays
    tracemalloc.start()
    fill(name, MILLION)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.05 * 10**6


def filled_inputs(path: str) -> list[list[np.ndarray]]:
    """Return a copy of the inputs of each of three requests."""
    queue = ov.AsyncInferQueue(ov.Core().compile_model(path, "CPU"), 3)
    throughput_benchmark.fill_inputs(queue)
    return [
        [tensor.data.copy() for tensor in request.input_tensors] for request in queue
    ]


def test_each_input_has_random_data_of_its_own_in_each_run_the_same(tmp_path):
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


SHAPES = {"scalar": [], "one element": [1], "size 0": [3, 0], "nine": [1] * 8 + [2]}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_any_static_shape_is_measured(tmp_path, measured, shape, name):
    x = parameter(name, shape)
    measured(save(tmp_path / "x.xml", identity([x]), [x]))


def test_a_model_without_inputs_is_measured(tmp_path, measured):
    y = ops.random_uniform([10], np.float32(0), np.float32(1), "f32")
    assert measured(save(tmp_path / "x.xml", identity([y]), [])).shapes == {}
