"""Failures: one message that names the culprit, exit status 1, and nothing measured."""

import base64
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from hooks import set_callback_with
from models import ops
from support import (
    STRICT_PYTHON,
    edited_script,
    message_of,
    parse_measured,
    run,
    save,
    save_reshape,
    save_sum_of_each,
    table,
)

MODELS_OF_ONNX = Path(onnx.__file__).parent / "backend/test/data/light"
NEWEST = ov.get_version() >= "2026"
# A frozen graph is TensorFlow's GraphDef, and may be written as text.
TENSORFLOW_MODEL = b"""\
node {
  name: "x" op: "Placeholder"
  attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: 1 } dim { size: 64 } } } }
}
node { name: "y" op: "Relu" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
"""
LFS_POINTER = b"""\
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""
EXTENSION = 'type="StringTensorUnpack" version="extension"'
# Two tensors and between them an operation MyOp, made with the package flatbuffers.
TFLITE_MODEL = zlib.decompress(
    base64.b85decode(
        "c-nQ3F%E+;6hjSVKq!I?89H>}0BpTOCn}bXJw(THTW*rtKR;Vh^kQP!Kj8}C^;qw~h=hoMo=(RTF"
        "q1^&Tu4I>*V(nCwZLwj&~YyrX(Tt#SKunYC2z8rJ6K0E2A?1PbdQ{Kvb#&a@o(vFo$@E}x143amW"
        "`Oq=`CB|E|L4(w~r1#YVHfq"
    )
)


def save_model(path: Path) -> bytes:
    """Save a model with weights of 1600 numbers, and return its file."""
    x = ops.parameter([1, 4], np.float32, name="x")
    y = ops.matmul(x, np.ones([4, 400], np.float32), False, False)
    return Path(save(path, [y], [x])).read_bytes()


@pytest.mark.parametrize("extension", ["xml", "onnx", "pb"])
def test_a_model_is_measured_and_half_of_it_is_named(fails, measured, extension):
    path = Path(f"model.{extension}")
    squeezenet = MODELS_OF_ONNX / "light_squeezenet.onnx"
    models = {"onnx": squeezenet.read_bytes(), "pb": TENSORFLOW_MODEL}
    path.write_bytes(models.get(extension) or save_model(path))
    measured(str(path))
    os.truncate(path, path.stat().st_size // 2)
    assert "Exception from src" in fails(str(path))


@pytest.mark.parametrize("extension", ["xml", "onnx", "pb", "tflite", "foo"])
@pytest.mark.parametrize("content", [b"", np.random.default_rng(1).bytes(1000), None])
def test_what_is_no_model_is_named(fails, extension, content):
    path = Path(f"model.{extension}")
    path.mkdir() if content is None else path.write_bytes(content)
    assert "Exception from src" in fails(str(path))


def test_a_path_that_is_not_utf_8_is_named(tmp_path):
    result = run("caf\udce9.xml", cwd=tmp_path)
    assert message_of(result, r"caf\udce9.xml")


@pytest.mark.parametrize("device", ["FOO", "cpu", "GPU", "AUTO:FOO", ""])
def test_a_missing_device_is_named_beside_those_there_are(tmp_path, fails, device):
    available = ov.Core().available_devices
    if device in available:
        pytest.skip(f"{device} is there")
    save_model(tmp_path / "model.xml")
    message = fails("model.xml", device)
    assert message.startswith("Exception from src")
    assert message.endswith(f"\nAvailable devices: {', '.join(available)}\n")


def test_a_model_that_a_device_lacks_shows_no_devices(tmp_path, fails):
    x = ops.parameter([64], ov.Type.u1, name="x")
    save(tmp_path / "model.xml", [ops.shape_of(x)], [x])
    message = fails("model.xml")
    assert "Not Implemented" in message
    assert "Available devices" not in message


@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_a_failed_inference_is_reported(tmp_path, fails, device):
    save_reshape(tmp_path / "model.xml")
    assert "conflicts with" in fails("model.xml", device)


def test_a_failure_amid_the_measurement_is_reported(tmp_path, monkeypatch, fails):
    def fill(tensor: ov.Tensor, *_: object) -> None:
        tensor.data[...] = [3, 2] if tensor.size == 2 else 1

    def spoil(phase: int, count: int, request: ov.InferRequest) -> None:
        if (phase, count) == (1, 100):
            request.get_input_tensor(1).data.fill(5)

    monkeypatch.setattr(ov.AsyncInferQueue, "set_callback", set_callback_with(spoil))
    model = save_reshape(tmp_path / "model.xml")
    assert "conflicts with" in fails(model, fill_random=fill)


@pytest.mark.parametrize(
    "error, text",
    [
        (MemoryError(), "MemoryError()\n"),
        (MemoryError("std::bad_alloc"), "std::bad_alloc\n"),
        (RuntimeError("\n  of OpenVINO\n\n"), "of OpenVINO\n"),
    ],
)
def test_an_error_is_shown_by_its_text_or_its_name(fails, error, text):
    def fail(*_: str) -> None:
        raise error

    assert fails("model.xml", create_queue=fail) == text


def assert_output_is_named(exit_status: int, stderr: str, reason: str) -> None:
    assert exit_status == 1
    *measured, line = stderr.splitlines(True)
    assert re.match(rf"\[ ERROR \] \[Errno {reason}\] ", line), stderr
    if measured:
        parse_measured(*measured)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /dev/full")
def test_a_full_disk_is_named_and_not_the_model(tmp_path, models_by_ms):
    command = [*STRICT_PYTHON, str(edited_script(tmp_path)), models_by_ms[2]]
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False
        )
    assert_output_is_named(result.returncode, result.stderr, "28")


def test_a_pipe_that_is_closed_meanwhile_is_named_and_not_the_model(
    tmp_path, models_by_ms
):
    command = [*STRICT_PYTHON, str(edited_script(tmp_path)), models_by_ms[2]]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert "OpenVINO" in process.stdout.readline()
    process.stdout.close()
    stderr = process.stderr.read()
    # Windows calls it an invalid argument, 22.
    assert_output_is_named(process.wait(), stderr, "(32|22)")
    process.stderr.close()


def with_image_of(shape: str, name: str = "images") -> Callable:
    """Set the shape of a model of images, which has 3 channels and a bias of its own."""

    def fail(fails: Callable) -> str:
        x = ops.parameter([-1, 3, -1, -1], np.float32, name="images")
        filters = np.ones([4, 3, 3, 3], np.float32)
        y = ops.convolution(x, filters, [1, 1], [0, 0], [0, 0], [1, 1])
        y = ops.add(y, np.ones([1, 4, 5, 5], np.float32))
        return fails(save(Path("model.xml"), [y], [x]), INPUT_SHAPES={name: shape})

    return fail


def with_a_file(name: str, content: bytes) -> Callable:
    def fail(fails: Callable) -> str:
        Path(name).write_bytes(content)
        return fails(name)

    return fail


def with_a_folder(fails: Callable) -> str:
    Path("folder").mkdir()
    save_model(Path("folder/openvino_model.xml"))
    return fails("folder")


def with_an_unknown_operation(fails: Callable) -> str:
    node = onnx.helper.make_node("MyOp", ["x"], ["y"], domain="my.domain")
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4])
        for name in "xy"
    )
    graph = onnx.helper.make_graph([node], "graph", [x], [y])
    opsets = [onnx.helper.make_opsetid(*id) for id in [("", 13), ("my.domain", 1)]]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets), "model.onnx")
    return fails("model.onnx")


def with_an_unknown_attribute(fails: Callable) -> str:
    text = """<ir_version: 8, opset_import: ["": 13]>
    resize (float[1,1,2,2] x) => (float[1,1,4,4] y)
    <float[4] scales = {1, 1, 2, 2}>
    { y = Resize <mode = "nosuch"> (x, , scales) }"""
    onnx.save(onnx.parser.parse_model(text), "model.onnx")
    return fails("model.onnx")


def with_an_operation_of_an_extension(fails: Callable) -> str:
    # Such as a tokenizer's.
    text = save_model(Path("model.xml")).decode()
    text, number = re.subn('type="MatMul" version=".*?"', EXTENSION, text)
    assert number == 1
    Path("model.xml").write_text(text, "utf-8")
    return fails("model.xml")


def with_dynamic_sizes(fails: Callable) -> str:
    return fails(save_sum_of_each(Path("model.xml"), {"x": "[?,3,?,?]"}))


# What README's table shows, how to come by it, and what older releases say, if they do.
FAILURES = [
    ("Unable to read the model", with_a_file("model.xml", b"no model")),
    ("Unable to read the model", with_a_file("model.onnx", LFS_POINTER)),
    ("Unable to read the model", with_a_file("model.pt", b"PK\x03\x04" + bytes(100))),
    ("Unable to read the model", with_a_file("model.h5", b"\x89HDF\r\n" + bytes(100))),
    ("Unable to read the model", with_a_file("model.safetensors", b"\x02\0\0\0{}")),
    ("saved_model.pb", with_a_folder, "Unable to read the model"),
    ("No conversion rule found", with_an_unknown_operation, "does not support"),
    ("No translator found", with_a_file("model.tflite", TFLITE_MODEL)),
    ("Conversion is failed", with_an_unknown_attribute, "Errors during ONNX"),
    ("unsupported opset: extension", with_an_operation_of_an_extension),
    ("dynamic shapes", with_dynamic_sizes),
    ("Argument shapes are inconsistent", with_image_of("[1,3,8,8]")),
    ("filters rank do not match", with_image_of("[1,3]")),
    ("Input for tensor name", with_image_of("[1,3,7,7]", "pixels")),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure[0])
def test_a_message_that_readme_explains_is_shown(fails, failure):
    message, make_fail, *older = failure
    shown = make_fail(fails)
    texts = [message] if NEWEST else [message, *older]
    assert any(text in shown for text in texts), shown


def test_readme_explains_each_message_that_is_tested():
    rows = table("| The error shows | What to do |")
    shown = {message for row in rows for message in re.findall("`([^`]*)`", row[0])}
    assert shown == {message for message, *_ in FAILURES}
