"""Failures: one message that names the culprit, exit status 1, and nothing measured."""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from models import ops
from support import (
    edited_script,
    message_of,
    multiply,
    run,
    run_command,
    save,
    save_reshape,
    save_slow_model,
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


ONNX = """<ir_version: 8, opset_import: ["": 13]>
sum (float[1,400] x) => (float[1,400] y) { y = Add(x, weights) }"""


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
    assert "Exception from src/" in fails(str(path))


@pytest.mark.parametrize("extension", ["xml", "onnx", "pb", "tflite", "foo"])
@pytest.mark.parametrize("content", [b"", np.random.default_rng(1).bytes(1000), None])
def test_what_is_no_model_is_named(fails, extension, content):
    path = Path(f"model.{extension}")
    path.mkdir() if content is None else path.write_bytes(content)
    assert "Exception from src/" in fails(str(path))


def test_a_path_that_is_not_utf_8_is_named(tmp_path):
    result = run("caf\udce9.xml", cwd=tmp_path)
    assert message_of(result, r"caf\udce9.xml")


@pytest.mark.parametrize(
    "device", ["FOO", "cpu", "GPU", "NPU", "CPU.7", "AUTO:-CPU", "AUTO:FOO", "", " CPU"]
)
def test_a_missing_device_is_named_beside_those_there_are(tmp_path, fails, device):
    available = ov.Core().available_devices
    if device in ["GPU", "NPU", "AUTO:-CPU"] and available != ["CPU"]:
        pytest.skip(f"{device} may be there")
    save_model(tmp_path / "model.xml")
    message = fails("model.xml", device)
    assert message.startswith("Exception from src/")
    assert message.endswith(f"\nAvailable devices: {', '.join(available)}\n")


@pytest.mark.parametrize("device", ["CPU", "AUTO", "HETERO:CPU"])
def test_a_failed_inference_is_reported(tmp_path, fails, device):
    save_reshape(tmp_path / "model.xml")
    assert "conflicts with" in fails("model.xml", device)


FILL = "            fill_random(tensor)\n"
RECORD = "latencies.append(request.latency)"


def test_a_failure_amid_the_measurement_is_reported(tmp_path):
    model = save_reshape(tmp_path / "model.xml")
    all_fit = "            tensor.data[...] = [3, 2] if tensor.size == 2 else 1\n"
    spoil = "len(latencies) == 100 and request.get_input_tensor(1).data.fill(5)"
    edits = [(FILL, all_fit), (RECORD, f"({RECORD}, {spoil})")]
    script = edited_script(tmp_path, *edits, SECONDS_TO_RUN=10)
    assert "conflicts with" in message_of(run(model, script=script), model)


# Whether a queue that is freed too early makes the process crash is a matter of chance.
@pytest.mark.parametrize("attempt", range(3))
def test_a_failure_while_others_are_in_flight_is_reported(tmp_path, attempt):
    x = ops.parameter([512, 512], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    y = ops.reshape(x, pattern, special_zero=False)
    model = save(tmp_path / "model.xml", [multiply(y, x, 100)], [x, pattern])
    # The first fails at once, and the other seven compute for a while.
    all_fit = "            tensor.data[...] = 512 if tensor.size == 2 else 1\n"
    warm_up = "    for _ in range(len(queue)):\n"
    spoil = "    queue[0].input_tensors[1].data.fill(5)\n"
    edits = [(FILL, all_fit), (warm_up, spoil + warm_up)]
    script = edited_script(tmp_path, *edits, INFER_REQUESTS=8)
    assert "conflicts with" in message_of(run(model, script=script), model)


def test_an_error_without_a_text_is_shown_by_its_name(fails):
    def run_out_of_memory(*_: str) -> None:
        raise MemoryError

    assert fails("model.xml", open_queue=run_out_of_memory) == "MemoryError()\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("to, reason", [("> /dev/full", 28), ("| head -n 1", 32)])
def test_an_unwritten_output_is_reported(tmp_path, models_by_ms, to, reason):
    model = models_by_ms[2]
    command = shlex.join([sys.executable, "-E", str(edited_script(tmp_path)), model])
    shell = ["bash", "-c", f"set -o pipefail; {command} {to}"]
    exit_status, _, stderr = run_command(shell)
    assert exit_status != 0
    assert f"[ ERROR ] Cannot run '{model}' on 'CPU': [Errno {reason}] " in stderr
    assert "Traceback" not in stderr


def with_an_image(fails: Callable, shape: str, name: str = "images") -> str:
    """Set the shape of a model of images, which has 3 channels and a bias of its own."""
    x = ops.parameter([-1, 3, -1, -1], np.float32, name="images")
    filters = np.ones([4, 3, 3, 3], np.float32)
    y = ops.convolution(x, filters, [1, 1], [0, 0], [0, 0], [1, 1])
    y = ops.add(y, np.ones([1, 4, 5, 5], np.float32))
    model = save(Path("model.xml"), [y], [x])
    return fails(model, INPUT_SHAPES={name: shape} if shape else {})


def without_weights(fails: Callable) -> str:
    save_model(Path("model.xml"))
    os.truncate("model.bin", 1000)
    half = fails("model.xml")
    Path("model.bin").unlink()
    assert "in bin file" in half
    return fails("model.xml")


def without_external_weights(fails: Callable) -> str:
    model = onnx.parser.parse_model(ONNX)
    weights = onnx.numpy_helper.from_array(np.ones([1, 400], np.float32), "weights")
    model.graph.initializer.append(weights)
    external = {"location": "weights", "size_threshold": 0}
    onnx.save(model, "model.onnx", save_as_external_data=True, **external)
    Path("weights").unlink()
    return fails("model.onnx")


def with_a_random_file(fails: Callable) -> str:
    Path("model.xml").write_bytes(b"no model")
    return fails("model.xml")


def on_another_device(fails: Callable) -> str:
    save_model(Path("model.xml"))
    return fails("model.xml", "FOO")


def with_an_element_type_of_one_bit(fails: Callable) -> str:
    x = ops.parameter([64], ov.Type.u1, name="x")
    return fails(save(Path("model.xml"), [ops.shape_of(x)], [x]))


DAEMON = """
import sys
import threading
import time

import numpy as np
from service import thread_safe_infer
from throughput_benchmark import compile_model

infer = thread_safe_infer(compile_model(sys.argv[1], "CPU"))


class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(2)


def infer_for_ever():
    while True:
        infer(np.zeros([512, 512], np.float32))
        completed.set()


slow = Slow()  # Python takes its time to end
completed = threading.Event()
for _ in range(8):
    threading.Thread(target=infer_for_ever, daemon=True).start()
completed.wait()
"""


def from_a_daemon_thread(_: Callable) -> str:
    if sys.version_info >= (3, 14):
        pytest.skip("since Python 3.14 such a thread sleeps for ever")
    model = save_slow_model(Path("model.xml"), 40)
    return run_command([sys.executable, "-c", DAEMON, model])[2]


# What README's table of errors shows; test_readme.py compares.
MESSAGES = [
    ("Could not open the file|Unable to read the model", lambda fails: fails("no.xml")),
    ("Unable to read the model", with_a_random_file),
    ("in bin file", without_weights),
    ("externally stored data|invalid external data", without_external_weights),
    ("dynamic shape.", lambda fails: with_an_image(fails, "")),
    (
        "Argument shapes are inconsistent",
        lambda fails: with_an_image(fails, "[1,3,8,8]"),
    ),
    ("filters rank do not match", lambda fails: with_an_image(fails, "[1,3]")),
    (
        "Input for tensor name",
        lambda fails: with_an_image(fails, "[1,3,7,7]", "pixels"),
    ),
    ("Not Implemented", with_an_element_type_of_one_bit),
    ("Available devices:", on_another_device),
    ("terminate called without an active exception", from_a_daemon_thread),
]


@pytest.mark.parametrize("messages, make_fail", MESSAGES)
@pytest.mark.usefixtures("folder")
def test_a_message_that_readme_explains_is_shown(fails, messages, make_fail):
    shown = make_fail(fails)
    assert any(message in shown for message in messages.split("|")), shown
