"""What a model may want: every element type, every shape, any name and path."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from models import Node, ops
from support import ROOT, run, save, short_script

import throughput_benchmark

FLOATING_POINT = ["f16", "f32", "f64", "bf16"]
FLOATING_POINT += ["f4e2m1", "f8e4m3", "f8e5m2", "f8e8m0", "nf4"]
INTEGERS = ["i4", "i8", "i16", "i32", "i64", "u2", "u4", "u8", "u16", "u32", "u64"]
ELEMENT_TYPES = ["boolean", *FLOATING_POINT, *INTEGERS, "string"]

# Releases from this one on accept all element types as inputs of the CPU plugin.
ACCEPTS_ALL = ov.get_version() >= "2026.4"


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


def element_type(name: str) -> ov.Type:
    """Return an element type; older releases may skip the test."""
    if not ACCEPTS_ALL and not hasattr(ov.Type, name):
        pytest.skip(f"this release has no {name}")
    return getattr(ov.Type, name)


def parameter(name: str, shape: list[int]) -> Node:
    """Return an input of an element type; older releases may skip the test."""
    x = ops.parameter(shape, element_type(name), name="x")
    if not accepts(x):
        pytest.skip(f"the CPU plugin of this release refuses {name} of shape {shape}")
    return x


def fill(name: str, shape: list[int]) -> ov.Tensor:
    """Return a tensor that the script has filled; older releases may skip the test."""
    tensor = ov.Tensor(parameter(name, shape).get_element_type(), ov.Shape(shape))
    throughput_benchmark.fill_random(tensor)
    return tensor


def read_back(tensor: ov.Tensor) -> np.ndarray:
    """Return the values of a tensor as OpenVINO converts them to f32; f64 as they are."""
    if tensor.element_type == ov.Type.f64:
        return tensor.data
    x = ops.parameter(list(tensor.shape), tensor.element_type)
    model = ov.Model([ops.convert(x, "f32")], [x], "read_back")
    values = ov.Tensor(ov.Type.f32, tensor.shape)
    assert model.evaluate([values], [tensor])
    return values.data


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_an_input_of_each_element_type_is_measured(tmp_path, measured, name):
    x = parameter(name, [2, 50])
    outputs = identity([ops.shape_of(x)])
    assert measured(save(tmp_path / "x.xml", outputs, [x]))["count"] >= 10


@pytest.mark.parametrize("name", FLOATING_POINT)
def test_floating_point_is_random_in_0_to_1(name):
    values = read_back(fill(name, [3, 341]))
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert 0.5 <= values.max() < 1
    # As many as the type has, for the types of few values.
    distinct = {"f4e2m1": 2, "nf4": 8, "f8e8m0": 15, "f8e4m3": 30, "f8e5m2": 30}
    assert len(np.unique(values)) >= distinct.get(name, 300)


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_random_in_0_to_255_or_the_maximum_of_their_type(name):
    values = read_back(fill(name, [3, 341]))
    bits = int(name[1:])
    maximum = min(255, 2 ** (bits - name.startswith("i")) - 1)
    assert values.min() == 0 if maximum < 128 else values.min() < 10
    assert values.max() == maximum if maximum < 128 else maximum - 10 < values.max()
    assert values.max() <= maximum
    assert len(np.unique(values)) > 0.9 * maximum


def test_booleans_are_random_of_both_kinds():
    tensor = fill("boolean", [10, 10])
    assert set(tensor.data.view(np.uint8).flat) == {0, 1}
    assert 20 < np.count_nonzero(tensor.data) < 80


def test_strings_are_short_random_words():
    words = fill("string", [10, 10]).str_data.flatten().tolist()
    assert len(set(words)) > 95
    assert all(1 <= len(word) <= 10 and word.isalpha() for word in words)


def test_each_tensor_gets_other_data():
    assert (fill("f32", [100]).data != fill("f32", [100]).data).any()


def test_all_element_types_at_once_raise_no_warning(tmp_path):
    inputs = []
    for name in ELEMENT_TYPES:
        if hasattr(ov.Type, name):
            x = ops.parameter([3], getattr(ov.Type, name), f"input_{name}")
            if accepts(x):
                inputs.append(x)
    assert len(inputs) == len(ELEMENT_TYPES) or not ACCEPTS_ALL
    model = save(
        tmp_path / "all.xml", identity([ops.shape_of(x) for x in inputs]), inputs
    )
    exit_status, _, stderr = run(model, script=short_script(tmp_path))
    assert (exit_status, stderr) == (0, "")


SHAPES = {"scalar": [], "one element": [1], "size 0": [3, 0], "nine": [1] * 8 + [2]}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ["f32", "f16", "u64", "string"])
def test_any_static_shape_is_measured(tmp_path, measured, shape, name):
    x = parameter(name, shape)
    assert measured(save(tmp_path / "x.xml", identity([x]), [x]))["count"] >= 10


def test_a_model_without_inputs_is_measured(tmp_path, measured):
    y = ops.random_uniform([10], np.float32(0), np.float32(1), "f32")
    assert measured(save(tmp_path / "x.xml", identity([y]), []))["count"] >= 10


def test_a_language_model_with_inputs_of_mixed_types_is_measured(tmp_path, measured):
    tokens = ops.parameter([1, 128], np.int64, name="input_ids")
    mask = ops.parameter([1, 128], np.int32, name="attention_mask")
    types = ops.parameter([1, 128], np.uint8, name="token_type_ids")
    embeddings = np.ones([256, 64], np.float32)
    y = ops.add(
        ops.gather(embeddings, tokens, np.int64(0)),
        ops.gather(embeddings, ops.convert(types, "i64"), np.int64(0)),
    )
    y = ops.multiply(y, ops.unsqueeze(ops.convert(mask, "f32"), np.int64(2)))
    model = save(tmp_path / "bert.xml", [y], [tokens, mask, types])
    assert measured(model)["count"] >= 10


def test_ports_without_a_name_are_measured(tmp_path, measured):
    inputs = [ops.parameter([2, 3], np.float32) for _ in range(2)]
    model = Path(save(tmp_path / "x.xml", [ops.add(*inputs)], inputs))
    model.write_text(re.sub(' names="[^"]*"', "", model.read_text("utf-8")), "utf-8")
    assert not any(port.names for port in ov.Core().read_model(model).inputs)
    assert measured(str(model))["count"] >= 10


@pytest.mark.parametrize(
    "name", ["my model", "модель", "模型", "modèle é", "a'b\"c", "-x"]
)
def test_a_path_with_spaces_and_other_alphabets_is_measured(tmp_path, name):
    (tmp_path / name).mkdir()
    x = ops.parameter([2, 3], np.float32, name="x")
    save(tmp_path / name / f"{name}.xml", [ops.relu(x)], [x])
    script = short_script(tmp_path)
    path = str(Path(".") / name / f"{name}.xml")
    exit_status, _, stderr = run("--", path, script=script, cwd=tmp_path)
    assert (exit_status, stderr) == (0, "")


PEAK_MEMORY = """
import resource
import sys

import numpy as np
import throughput_benchmark


def fill_by_astype(tensor):
    values = np.random.default_rng(0).uniform(size=list(tensor.shape))
    tensor.data[...] = values.astype(tensor.data.dtype)


if sys.argv[2] == "astype":
    throughput_benchmark.fill_random = fill_by_astype
throughput_benchmark.SECONDS_TO_RUN = 0
throughput_benchmark.MIN_ITERATIONS = 1
exit_status = throughput_benchmark.main([sys.argv[1]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(exit_status)
"""


def peak_memory(model: str, way: str) -> int:
    """Return the peak memory in kB of a process that fills the inputs in one way."""
    command = [sys.executable, "-c", PEAK_MEMORY, model, way]
    result = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE)
    return int(result.stdout.splitlines()[-1])


def test_a_large_input_is_filled_without_a_copy(tmp_path):
    x = ops.parameter([8, 3, 2160, 3840], np.float32, name="x")
    model = save(tmp_path / "x.xml", [ops.reduce_max(x, [0, 1, 2, 3])], [x])
    assert peak_memory(model, "in place") < 0.75 * peak_memory(model, "astype")


@pytest.mark.parametrize("name", ["f32", "f64"])
def test_floats_are_filled_without_a_copy(name):
    tensor = ov.Tensor(element_type(name), ov.Shape([1000, 1000]))
    tracemalloc.start()
    throughput_benchmark.fill_random(tensor)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.01 * tensor.byte_size
