"""Failures: one message that names the culprit, exit status 1, and nothing measured."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import openvino as ov
import pytest
from models import Node, ops
from support import (
    SCRIPT,
    STRICT_PYTHON,
    edited_script,
    multiplications,
    run,
    save,
    short_script,
    start,
)

MODELS_OF_ONNX = Path(onnx.__file__).parent / "backend/test/data/light"
ONNX_MODEL = MODELS_OF_ONNX / "light_squeezenet.onnx"
FORMATS = ["xml", "onnx", "pb", "tflite"]


def assert_one_error(result: tuple[int, str, str], *passages: str) -> None:
    """Check for one message on stderr with these passages, and no figures on stdout."""
    exit_status, stdout, stderr = result
    assert exit_status == 1, result
    assert [line[:12] for line in stdout.splitlines()] == [
        "[ INFO ] Ope",
        "[ INFO ] Bui",
    ]
    assert stderr.startswith("[ ERROR ] Cannot run '")
    assert stderr.count("[ ERROR ]") == 1
    assert stderr == f"{stderr.strip()}\n"
    assert "Traceback" not in stderr
    for passage in passages:
        assert passage in stderr
    # What the TensorFlow parser says of other formats.
    assert "GraphDef" not in stderr
    assert "absl" not in stderr


def xml_model(folder: Path) -> bytes:
    """Write the weights of a model beside it, and return the model."""
    x = ops.parameter([1, 4], np.float32, name="x")
    y = ops.matmul(x, np.ones([4, 400], np.float32), False, False)
    path = save(folder / "model.xml", [y], [x])
    return Path(path).read_bytes()


def onnx_model(_: Path) -> bytes:
    return ONNX_MODEL.read_bytes()


def field(number: int, value: bytes) -> bytes:
    """Return a field of up to 127 bytes in protobuf's wire format."""
    return bytes([number << 3 | 2, len(value)]) + value


def pb_model(_: Path) -> bytes:
    """Return a TensorFlow graph of a Placeholder and a Relu."""

    def node(name: str, operation: str, *fields: bytes) -> bytes:
        named = field(1, name.encode()) + field(2, operation.encode())
        return field(1, named + b"".join(fields))

    def attribute(name: str, value: bytes) -> bytes:
        return field(5, field(1, name.encode()) + field(2, value))

    f32 = bytes([6 << 3, 1])
    shape = field(7, b"".join(field(2, bytes([8, size])) for size in [1, 64]))
    x = node("x", "Placeholder", attribute("dtype", f32), attribute("shape", shape))
    return x + node("y", "Relu", field(3, b"x"), attribute("T", f32))


def tflite_model(_: Path) -> bytes:
    """Return a TensorFlow Lite model of one operator, LOGISTIC, on x of shape 1,64.

    A description of 100 kB stands in the middle of it.
    """
    builder = flatbuffers.Builder()

    def offsets(values: list[int]) -> int:
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            builder.PrependUOffsetTRelative(value)
        return builder.EndVector()

    def numbers(values: list[int]) -> int:
        return builder.CreateNumpyVector(np.array(values, np.int32))

    def table(fields: dict[int, Callable[[int], None]]) -> int:
        builder.StartObject(max(fields, default=-1) + 1)
        for slot, prepend in fields.items():
            prepend(slot)
        return builder.EndObject()

    def offset(value: int) -> Callable[[int], None]:
        return lambda slot: builder.PrependUOffsetTRelativeSlot(slot, value, 0)

    def byte(value: int) -> Callable[[int], None]:
        return lambda slot: builder.PrependInt8Slot(slot, value, 0)

    def number(value: int) -> Callable[[int], None]:
        return lambda slot: builder.PrependInt32Slot(slot, value, 0)

    def tensor(name: str) -> int:
        shape, label = offset(numbers([1, 64])), offset(builder.CreateString(name))
        return table({0: shape, 3: label})

    logistic = 14
    tensors = offset(offsets([tensor("x"), tensor("y")]))
    inputs, outputs = offset(numbers([0])), offset(numbers([1]))
    operators = offset(offsets([table({1: inputs, 2: outputs})]))
    subgraph = table({0: tensors, 1: inputs, 2: outputs, 3: operators})
    code = table({0: byte(logistic), 2: number(1), 3: number(logistic)})
    codes, subgraphs = offset(offsets([code])), offset(offsets([subgraph]))
    buffers = offset(offsets([table({})]))
    description = offset(builder.CreateString("x" * 100_000))
    model = {0: number(3), 1: codes, 2: subgraphs, 3: description, 4: buffers}
    builder.Finish(table(model), b"TFL3")
    return bytes(builder.Output())


MODELS = dict(
    zip(FORMATS, [xml_model, onnx_model, pb_model, tflite_model], strict=True)
)


@pytest.mark.parametrize("extension", FORMATS)
def test_an_undamaged_model_of_each_format_is_measured(tmp_path, extension):
    path = tmp_path / f"model.{extension}"
    path.write_bytes(MODELS[extension](tmp_path))
    exit_status, _, stderr = run(str(path), script=short_script(tmp_path))
    assert (exit_status, stderr) == (0, "")


def test_the_folder_of_a_tensorflow_saved_model_is_measured(tmp_path):
    meta_graph = field(1, field(4, b"serve")) + field(2, pb_model(tmp_path))
    saved_model = bytes([1 << 3, 1]) + field(2, meta_graph)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "saved_model.pb").write_bytes(saved_model)
    exit_status, _, stderr = run(
        str(tmp_path / "folder"), script=short_script(tmp_path)
    )
    assert (exit_status, stderr) == (0, "")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda model: b"",
    "truncated": lambda model: model[: len(model) // 2],
    "of random bytes": lambda model: np.random.default_rng(1).bytes(1000),
    "another text": lambda model: b"node { name: hello }\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("extension", FORMATS)
def test_a_damaged_model_is_named(tmp_path, extension, damage):
    model = damage(MODELS[extension](tmp_path))
    (tmp_path / f"model.{extension}").write_bytes(model)
    name = f"model.{extension}"
    assert_one_error(run(name, cwd=tmp_path), f"Cannot run '{name}' on 'CPU': ")


@pytest.mark.parametrize("extension", FORMATS)
def test_a_missing_model_is_named(tmp_path, extension):
    name = f"missing model.{extension}"
    assert_one_error(run(name, cwd=tmp_path), f"'{name}'", "Exception from src/")


@pytest.mark.parametrize("extension", FORMATS)
def test_a_folder_instead_of_a_model_is_named(tmp_path, extension):
    (tmp_path / f"folder.{extension}").mkdir()
    name = f"./folder.{extension}"
    assert_one_error(run(name, cwd=tmp_path), f"'{name}'", "Exception from src/")


@pytest.mark.parametrize("name", ["model.foo", "model", ".", "", "caf\udce9.xml"])
def test_a_path_that_is_no_model_is_named(tmp_path, name):
    (tmp_path / "model.foo").write_bytes(b"no model")
    quoted = name.encode("utf-8", "backslashreplace").decode()
    assert_one_error(run(name, cwd=tmp_path), f"'{quoted}'")


def test_an_ir_without_its_weights_is_named(tmp_path):
    (tmp_path / "other.xml").write_bytes(xml_model(tmp_path))
    result = run("other.xml", cwd=tmp_path)
    assert_one_error(result, "'other.xml'", "Empty weights data in bin file")


def test_an_ir_with_too_few_weights_is_named(tmp_path):
    (tmp_path / "model.xml").write_bytes(xml_model(tmp_path))
    os.truncate(tmp_path / "model.bin", 1000)
    result = run("model.xml", cwd=tmp_path)
    assert_one_error(result, "'model.xml'", "Incorrect weights in bin file")


@pytest.mark.parametrize(
    "device", ["FOO", "cpu", "GPU", "NPU", "CPU.7", "AUTO:-CPU", "AUTO:FOO", "", " CPU"]
)
def test_a_device_that_there_is_not_is_named_beside_those_there_are(tmp_path, device):
    available = ov.Core().available_devices
    if device in available:
        pytest.skip(f"there is a {device} here")
    (tmp_path / "model.xml").write_bytes(xml_model(tmp_path))
    result = run("model.xml", device, cwd=tmp_path)
    devices = f"Available devices: {', '.join(available)}\n"
    assert_one_error(result, f"on '{device}': Exception from src/", devices)


@pytest.mark.parametrize("shown", ["[?,3,8,8]", "[1..4,3]", "[...]"])
def test_an_input_with_a_dynamic_shape_is_named(tmp_path, shown):
    shape = ov.PartialShape(shown)
    static = ops.parameter([1, 3], np.float32, name="static")
    dynamic = ops.parameter(shape, np.float32, name="pixels")
    outputs = [ops.relu(static), ops.relu(dynamic)]
    model = save(tmp_path / "model.xml", outputs, [static, dynamic])
    result = run(model)
    assert_one_error(result, f"input pixels {shown}. ", "ovc --input", "model.reshape")
    assert "static [" not in result[2]


def test_all_dynamic_inputs_are_named_by_tensor_or_else_by_node(tmp_path):
    inputs = [ops.parameter([-1, 8], np.int64, name=name) for name in ["ids", "mask"]]
    inputs[0].output(0).get_tensor().set_names({"ids:0"})
    model = save(tmp_path / "model.xml", [ops.add(*inputs)], inputs)
    without_names = Path(model).read_text("utf-8").replace(' names="mask"', "")
    Path(model).write_text(without_names, "utf-8")
    assert_one_error(run(model), " input ids:0 [?,8], mask [?,8]. ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_cannot_be_written_is_reported():
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*STRICT_PYTHON, str(SCRIPT), "model.xml"],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert result.returncode != 0
    error = "[ ERROR ] Cannot run 'model.xml' on 'CPU': [Errno 28] No space left"
    assert result.stderr.startswith(error)
    assert "Traceback" not in result.stderr


def test_an_element_type_that_the_device_refuses_is_named(tmp_path):
    x = ops.parameter([64], ov.Type.u1, name="x")
    model = save(tmp_path / "model.xml", [ops.shape_of(x)], [x])
    assert_one_error(run(model), f"'{model}'", "Exception from src/")


def test_an_inference_that_fails_is_reported(tmp_path):
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = save(tmp_path / "model.xml", [y], [x, pattern])
    for device in ["CPU", "AUTO", "HETERO:CPU"]:
        assert_one_error(run(model, device), f"on '{device}'", "conflicts with")


def if_else(condition: Node, inputs: list[Node], *bodies: Callable[..., Node]) -> Node:
    """Return an If whose two branches are functions of the inputs."""
    node = ops.if_op(condition.output(0))
    branches = []
    for body, set_body in zip(
        bodies, [node.set_then_body, node.set_else_body], strict=True
    ):
        parameters = [
            ops.parameter(x.get_output_partial_shape(0), x.get_element_type())
            for x in inputs
        ]
        branches.append(ov.Model([ops.result(body(*parameters))], parameters, "branch"))
        set_body(branches[-1])
    for index, x in enumerate(inputs):
        ports = [branch.get_parameters()[index] for branch in branches]
        node.set_input(x.output(0), *ports)
    return node.set_output(*[branch.get_results()[0] for branch in branches])


def fails(x: Node, pattern: Node) -> Node:
    return ops.reshape(x, pattern, special_zero=False)


def computes_for_a_second(x: Node, _: Node) -> Node:
    return multiplications(x, 500)


# Whether one completes just when the first failure surfaces is a matter of chance.
@pytest.mark.parametrize("attempt", range(3))
def test_a_failure_is_reported_when_all_requests_have_ended(tmp_path, attempt):
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    condition = ops.parameter([], ov.Type.boolean, name="condition")
    y = if_else(condition, [x, pattern], fails, computes_for_a_second)
    model = save(tmp_path / "model.xml", [y], [x, pattern, condition])
    # With so many requests both branches are taken.
    queue = "ov.AsyncInferQueue(compiled_model"
    script = edited_script(tmp_path, (f"{queue})", f"{queue}, 8)"))
    process = start(model, script=script)
    timer = threading.Timer(30, process.kill)
    timer.start()
    process.stderr.readline()
    reported = time.perf_counter()
    process.communicate()
    ended = time.perf_counter()
    timer.cancel()
    assert process.returncode == 1
    assert ended - reported < 0.5


def test_a_failure_amid_the_measurement_is_reported(tmp_path):
    if ov.get_version() < "2024":
        pytest.skip("this release reads no IR with a state beside an If")
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    count = ops.add(ops.read_value(np.zeros(1, np.int32), "count"), np.int32([1]))
    condition = ops.less(count, np.int32([100]))
    y = if_else(condition, [x, pattern], lambda x, _: ops.relu(x), fails)
    results, sinks = [ops.result(y)], [ops.assign(count, "count")]
    ov.save_model(ov.Model(results, sinks, [x, pattern], "m"), tmp_path / "model.xml")
    assert_one_error(run("model.xml", cwd=tmp_path), "conflicts with")
