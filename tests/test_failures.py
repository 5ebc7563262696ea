"""Failures: one message that names the culprit, exit status 1, and nothing measured."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from models import Node, ops
from support import (
    ROOT,
    SCRIPT,
    SECONDS_TO_WAIT,
    STRICT_PYTHON,
    message_of,
    multiplications,
    run,
    run_command,
    save,
)

MODELS_OF_ONNX = Path(onnx.__file__).parent / "backend/test/data/light"
# A frozen graph is TensorFlow's GraphDef, and may be written as text.
TENSORFLOW_MODEL = b"""\
node {
  name: "x" op: "Placeholder"
  attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: 1 } dim { size: 64 } } } }
}
node { name: "y" op: "Relu" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
"""
FORMATS = ["xml", "onnx", "pb", "tflite"]


def save_model(path: Path) -> bytes:
    """Save a model with weights of 1600 numbers, and return its file."""
    x = ops.parameter([1, 4], np.float32, name="x")
    y = ops.matmul(x, np.ones([4, 400], np.float32), False, False)
    return Path(save(path, [y], [x])).read_bytes()


def undamaged(extension: str, folder: Path) -> bytes:
    match extension:
        case "xml":
            return save_model(folder / "model.xml")
        case "onnx":
            return (MODELS_OF_ONNX / "light_squeezenet.onnx").read_bytes()
        case "pb":
            return TENSORFLOW_MODEL


@pytest.mark.parametrize("extension", ["xml", "onnx", "pb"])
def test_an_undamaged_model_is_measured(tmp_path, measured, extension):
    path = tmp_path / f"model.{extension}"
    path.write_bytes(undamaged(extension, tmp_path))
    measured(str(path))


@pytest.mark.parametrize("extension", ["xml", "onnx", "pb"])
def test_half_a_model_is_named(tmp_path, fails, extension):
    model = undamaged(extension, tmp_path)
    Path(f"model.{extension}").write_bytes(model[: len(model) // 2])
    assert "Exception from src/" in fails(f"model.{extension}")


@pytest.mark.parametrize(
    "content",
    [b"", np.random.default_rng(1).bytes(1000), b"node { name: hello }\n"],
    ids=["empty", "random bytes", "another text"],
)
@pytest.mark.parametrize("extension", [*FORMATS, "foo"])
def test_a_file_that_is_no_model_is_named(fails, extension, content):
    name = f"model.{extension}"
    Path(name).write_bytes(content)
    assert "Exception from src/" in fails(name)


@pytest.mark.parametrize("name", ["missing model", "", *FORMATS])
def test_a_missing_model_is_named(fails, name):
    assert "Exception from src/" in fails(
        f"missing model.{name}" if name in FORMATS else name
    )


@pytest.mark.parametrize("name", [".", *FORMATS])
def test_a_folder_that_is_no_model_is_named(fails, name):
    if name != ".":
        name = f"./folder.{name}"
        Path(name).mkdir()
    assert "Exception from src/" in fails(name)


def test_a_path_that_is_not_utf_8_is_named(tmp_path):
    result = run("caf\udce9.xml", cwd=tmp_path)
    assert message_of(result, r"caf\udce9.xml")


@pytest.mark.parametrize(
    "device", ["FOO", "cpu", "GPU", "NPU", "CPU.7", "AUTO:-CPU", "AUTO:FOO", "", " CPU"]
)
def test_a_device_that_there_is_not_is_named_beside_those_there_are(
    tmp_path, fails, device
):
    available = ov.Core().available_devices
    if device in ["GPU", "NPU", "AUTO:-CPU"] and available != ["CPU"]:
        pytest.skip(f"{device} may be there")
    save_model(tmp_path / "model.xml")
    message = fails("model.xml", device)
    assert message.startswith("Exception from src/")
    assert message.endswith(f"\nAvailable devices: {', '.join(available)}\n")


def fails_in_reshape(x: Node, pattern: Node) -> Node:
    """Reshape to numbers that random data makes anything but those of x."""
    return ops.reshape(x, pattern, special_zero=False)


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


@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_a_failed_inference_is_reported(tmp_path, fails, device):
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    save(tmp_path / "model.xml", [fails_in_reshape(x, pattern)], [x, pattern])
    assert "conflicts with" in fails("model.xml", device)


def test_a_failure_amid_the_measurement_is_reported(tmp_path, fails):
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    count = ops.add(ops.read_value(np.zeros(1, np.int32), "count"), np.int32([1]))
    condition = ops.less(count, np.int32([100]))
    y = if_else(condition, [x, pattern], lambda x, _: ops.relu(x), fails_in_reshape)
    assign = ops.assign(count, "count")
    save(tmp_path / "model.xml", [y], [x, pattern], [assign])
    assert "conflicts with" in fails("model.xml")


# The first fails at once, and the other seven compute for a while.
ONE_FAILS = """
import sys

import throughput_benchmark


def set_conditions_and_start(queue):
    for index in range(len(queue)):
        queue[index].input_tensors[2].data[...] = index > 0
    warm_up(queue)


warm_up = throughput_benchmark.warm_up
throughput_benchmark.warm_up = set_conditions_and_start
throughput_benchmark.INFER_REQUESTS = 8
sys.exit(throughput_benchmark.main(sys.argv[1:]))
"""


# Whether a queue that is freed too early makes the process crash is a matter of chance.
@pytest.mark.parametrize("attempt", range(3))
def test_a_failure_while_others_are_in_flight_is_reported(tmp_path, attempt):
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    condition = ops.parameter([], ov.Type.boolean, name="condition")
    y = if_else(
        condition,
        [x, pattern],
        lambda x, _: multiplications(x, 100),
        fails_in_reshape,
    )
    model = save(tmp_path / "model.xml", [y], [x, pattern, condition])
    result = run_command([*STRICT_PYTHON, "-c", ONE_FAILS, model], ROOT)
    assert "conflicts with" in message_of(result, model)


def test_an_error_without_a_text_is_shown_by_its_name(fails):
    def run_out_of_memory(*_: str) -> None:
        raise MemoryError

    assert fails("model.xml", open_queue=run_out_of_memory) == "MemoryError()\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_cannot_be_written_is_reported():
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*STRICT_PYTHON, str(SCRIPT), "model.xml"],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
            timeout=SECONDS_TO_WAIT,
        )
    assert result.returncode != 0
    error = "[ ERROR ] Cannot run 'model.xml' on 'CPU': [Errno 28] No space left"
    assert result.stderr.startswith(error)
    assert "Traceback" not in result.stderr


def without_weights(fails: Callable) -> str:
    save_model(Path("model.xml"))
    Path("model.bin").unlink()
    return fails("model.xml")


def with_too_few_weights(fails: Callable) -> str:
    save_model(Path("model.xml"))
    os.truncate("model.bin", 1000)
    return fails("model.xml")


def with_a_random_file(fails: Callable) -> str:
    Path("model.xml").write_bytes(b"no model")
    return fails("model.xml")


def on_another_device(fails: Callable) -> str:
    save_model(Path("model.xml"))
    return fails("model.xml", "FOO")


def with_a_dynamic_shape(fails: Callable) -> str:
    x = ops.parameter([-1, 3], np.float32, name="x")
    return fails(save(Path("model.xml"), [ops.relu(x)], [x]))


def with_a_wrong_name(fails: Callable) -> str:
    save_model(Path("model.xml"))
    return fails("model.xml", INPUT_SHAPES={"no input": [1, 4]})


def with_an_element_type_of_one_bit(fails: Callable) -> str:
    x = ops.parameter([64], ov.Type.u1, name="x")
    return fails(save(Path("model.xml"), [ops.shape_of(x)], [x]))


ON_ITS_OWN = """
import sys

import openvino as ov

queue = ov.AsyncInferQueue(ov.Core().compile_model(sys.argv[2], "CPU"), 1)
queue.set_callback(lambda request, userdata: None)
queue.start_async()
if sys.argv[1] == "busy":
    try:
        queue[0].infer()
    finally:
        queue.wait_all()
"""


def stderr_of(end: str) -> str:
    """Run a program that opens a queue by itself, on a slow model."""
    x = ops.parameter([512, 512], np.float32, name="x")
    model = save(Path("model.xml"), [multiplications(x, 50)], [x])
    return run_command([sys.executable, "-c", ON_ITS_OWN, end, model])[2]


def from_two_threads(_: Callable) -> str:
    return stderr_of("busy")


def at_the_end_of_the_program(_: Callable) -> str:
    if sys.version_info >= (3, 14):
        pytest.skip("since Python 3.14 such a thread sleeps for ever")
    # It is a matter of chance, above all on one core.
    for _ in range(10):
        if shown := stderr_of("at once"):
            return shown
    pytest.skip("none of ten programs was aborted")


# What README's table of errors shows; test_readme.py compares.
MESSAGES = [
    (["Available devices:"], on_another_device),
    (["dynamic shape."], with_a_dynamic_shape),
    (["Input for tensor name"], with_a_wrong_name),
    (["in bin file"], without_weights),
    (["in bin file"], with_too_few_weights),
    (["Unable to read the model"], with_a_random_file),
    (["Not Implemented"], with_an_element_type_of_one_bit),
    (["Infer Request is busy"], from_two_threads),
    (
        # Which one is a matter of chance.
        ["exception not rethrown", "terminate called without an active exception"],
        at_the_end_of_the_program,
    ),
]


@pytest.mark.parametrize("messages, make_fail", MESSAGES)
def test_a_message_that_readme_explains_is_shown(fails, messages, make_fail):
    shown = make_fail(fails)
    assert any(message in shown for message in messages)
