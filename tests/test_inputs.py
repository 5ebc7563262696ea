"""Inputs: the random data that each element type is given, and any static shape."""

import tracemalloc
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import Node, ops
from support import save

import throughput_benchmark

OF_ALL_NUMBERS = ["f16", "f32", "f64", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]
ANY_BITS = ["i8", "f8e4m3", "f8e5m2", "f8e8m0", "i4", "u2", "u4", "f4e2m1", "nf4"]
ELEMENT_TYPES = ["boolean", "bf16", *OF_ALL_NUMBERS, *ANY_BITS, "string"]
MILLION = [1000, 1000]


def identity(inputs: list[Node]) -> list[Node]:
    return [ops.result(x) for x in inputs]


def filled_queue(name: str, shape: list[int]) -> ov.AsyncInferQueue:
    """Return a queue of one filled request of a model with one input."""
    if not hasattr(ov.Type, name):
        pytest.skip(f"this release has no {name}")
    x = ops.parameter(shape, getattr(ov.Type, name), name="x")
    model = ov.Model(identity([x]), [x], "identity")
    try:
        compiled_model = ov.Core().compile_model(model, "CPU")
    except RuntimeError:
        pytest.skip(f"the CPU plugin of this release refuses {name} of shape {shape}")
    queue = ov.AsyncInferQueue(compiled_model, 1)
    throughput_benchmark.fill_inputs(queue)
    return queue


def filled_tensor(name: str, shape: list[int]) -> ov.Tensor:
    return filled_queue(name, shape)[0].input_tensors[0]


@pytest.mark.parametrize("name", OF_ALL_NUMBERS)
def test_numbers_are_whole_random_and_evenly_spread_from_0_to_255(name):
    numbers, counts = np.unique(filled_tensor(name, MILLION).data, return_counts=True)
    np.testing.assert_array_equal(numbers, range(256))
    assert (abs(counts / (10**6 / 256) - 1) < 0.1).all()


@pytest.mark.parametrize("name", ANY_BITS)
def test_types_of_8_bits_and_fewer_take_all_their_values(name):
    data = filled_tensor(name, MILLION).data
    assert set(data.view(np.uint8).flat) == set(range(256))


def test_numbers_of_bf16_are_random_and_finite():
    bits = filled_tensor("bf16", MILLION).data.view(np.uint16)
    # A bf16 is the upper half of an f32.
    numbers = (bits.astype(np.uint32) << 16).view(np.float32)
    assert np.isfinite(numbers).all()
    assert len(np.unique(numbers)) == 256


def test_booleans_are_random_of_both_kinds():
    data = filled_tensor("boolean", [10, 10]).data
    assert set(data.view(np.uint8).flat) == {0, 1}
    assert 20 < np.count_nonzero(data) < 80


def test_strings_are_random_numbers_as_text():
    words = filled_tensor("string", [100, 100]).str_data.flatten().tolist()
    assert set(words) == {str(number) for number in range(256)}


@pytest.mark.parametrize("name", ["f32", "u8"])
def test_a_large_input_is_filled_by_a_byte_for_each_number(name):
    filled_tensor(name, [1])  # what is imported for it stays
    tracemalloc.start()
    filled_tensor(name, MILLION)
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


def test_each_input_has_random_data_of_its_own_in_each_run_the_same(tmp_path: Path):
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


def test_any_element_type_and_static_shape_is_inferred(subtests):
    for name in ELEMENT_TYPES:
        for shape in [[], [1], [3, 0], [1] * 8 + [2]]:
            with subtests.test(name=name, shape=shape):
                queue = filled_queue(name, shape)
                queue.start_async()
                queue.wait_all()


def test_a_model_without_inputs_is_measured(tmp_path: Path, measured):
    y = ops.random_uniform([10], np.float32(0), np.float32(1), "f32")
    assert measured(save(tmp_path / "x.xml", identity([y]), [])).shapes == {}
