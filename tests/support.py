"""What several tests share: README, how to run the script, and small models."""

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino as ov
from models import Node, ops

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "throughput_benchmark.py"
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

SECONDS_TO_WAIT = 100  # for a process, on a slow machine
# Whatever Python or a library warns of is an error, but for the GIL that OpenVINO turns on
# in free-threaded Python; and no variable of the environment helps the script.
STRICT_PYTHON = [sys.executable, "-E", "-bb", "-X", "dev", "-W", "error"]
STRICT_PYTHON += ["-W", "ignore:The global interpreter lock:RuntimeWarning"]

REPORT = re.compile(
    r"""\[ INFO \] OpenVINO:
\[ INFO \] Build \.{33} (?P<build>\S+)
\[ INFO \] Count:          (?P<count>\d+) iterations
\[ INFO \] Duration:       (?P<duration>\d+\.\d\d) ms
\[ INFO \] Latency:
\[ INFO \]     Median:     (?P<median>\d+\.\d\d) ms
\[ INFO \]     Average:    (?P<average>\d+\.\d\d) ms
\[ INFO \]     Min:        (?P<min>\d+\.\d\d) ms
\[ INFO \]     Max:        (?P<max>\d+\.\d\d) ms
\[ INFO \] Throughput: (?P<throughput>\d+\.\d\d) FPS
"""
)
# What the script says on stderr before it measures.
MEASURED = re.compile(
    r"\[ INFO \] Devices: (?P<devices>.+), infer requests: (?P<requests>\d+), "
    r"(INFERENCE_PRECISION_HINT: (?P<precision>\w+), )?"
    r"(?P<line>INPUT_SHAPES = (?P<shapes>\{.*\}))\n"
)


class Run:
    """A run of the script that measured: what it said, each letter of it checked."""

    def __init__(self, exit_status: int, stdout: str, stderr: str) -> None:
        assert exit_status == 0, stderr
        measured, report = MEASURED.match(stderr), REPORT.fullmatch(stdout)
        assert measured, stderr
        assert report, stdout
        assert report["build"] == ov.get_version()
        self.said = stderr[measured.end() :]
        self.devices = measured["devices"]
        self.requests = int(measured["requests"])
        self.precision = measured["precision"]
        self.line = measured["line"]
        self.shapes = ast.literal_eval(measured["shapes"])
        self.count = int(report["count"])
        self.figures = {
            name: float(figure)
            for name, figure in report.groupdict().items()
            if name != "build"
        }


def message_of(result: tuple[int, str, str], model: str, device: str = "CPU") -> str:
    """Return what follows model and device in the one message of a failed run."""
    exit_status, stdout, stderr = result
    assert exit_status == 1, result
    assert stdout.splitlines()[1:] == [f"[ INFO ] Build {'.' * 33} {ov.get_version()}"]
    assert stderr.count("[ ERROR ]") == 1
    assert "Traceback" not in stderr
    # OpenVINO's frontends may have written something before.
    available = ov.Core().available_devices
    _, start, message = stderr.partition(
        f"[ ERROR ] Cannot run '{model}' on '{device}' (available: {available}): "
    )
    assert start, stderr
    assert message.strip()
    assert message == f"{message.strip()}\n"
    return message


def run_command(
    command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run a command to its end: exit status, stdout, stderr."""
    result = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=env,
        timeout=SECONDS_TO_WAIT,
    )
    return result.returncode, result.stdout, result.stderr


def run_side_by_side(
    command: list[str], times: int, cwd: Path | None = None
) -> list[tuple[int, str, str]]:
    """Run a command several times to its end, four at a time."""
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda _: run_command(command, cwd), range(times)))


def run(
    *arguments: str, script: Path = SCRIPT, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Run the script to its end, as a user does: exit status, stdout, stderr."""
    return run_command([*STRICT_PYTHON, str(script), *arguments], cwd)


def command_with(code: str, script: Path, *arguments: str) -> list[str]:
    """Return a command that runs a script as a user does, after some code of a test.

    Ctrl-C is heard as in a terminal, also where a shell's background ignores it.
    """
    program = f"""
import runpy
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from support import *
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv.pop(0)
sys.path.insert(0, str(Path(sys.argv[0]).parent))
{code}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    return [*STRICT_PYTHON, "-c", program, str(script), *arguments]


def press_ctrl_c(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def call_after(method: str, number: int, function: Callable) -> None:
    """Call a function after so many calls of a method of AsyncInferQueue, from 1."""
    original = getattr(ov.AsyncInferQueue, method)
    calls = 0

    def call_both(queue: ov.AsyncInferQueue, *arguments: object) -> object:
        nonlocal calls
        result = original(queue, *arguments)
        calls += 1
        if calls == number:
            function(queue)
        return result

    setattr(ov.AsyncInferQueue, method, call_both)


def call_in_callbacks(function: Callable[[ov.InferRequest], object]) -> None:
    """Let each callback that the script sets call a function first."""
    set_callback = ov.AsyncInferQueue.set_callback

    def set_longer_callback(queue: ov.AsyncInferQueue, callback: Callable) -> None:
        def call_both(request: ov.InferRequest, userdata: object) -> None:
            function(request)
            callback(request, userdata)

        set_callback(queue, call_both)

    ov.AsyncInferQueue.set_callback = set_longer_callback


def edited_script(folder: Path, *edits: tuple[str, str], **constants: object) -> Path:
    """Write the script with edits made and constants set; each passage stands there once.

    Unless set, it measures for a tenth of a second.
    """
    source = SCRIPT.read_text("utf-8")
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    for name, value in {"SECONDS_TO_RUN": 0.1, **constants}.items():
        line = re.compile(rf"^{name} = .*$", re.MULTILINE)
        source, number = line.subn(f"{name} = {value!r}", source)
        assert number == 1, name
    script = folder / SCRIPT.name
    script.write_text(source, "utf-8")
    return script


def save(
    path: Path, outputs: list[Node], inputs: list[Node], sinks: list[Node] | None = None
) -> str:
    """Save a model as OpenVINO IR, f32 as it is; sinks assign its states."""
    # OpenVINO 2024.0 reads no IR of less than 512 bytes.
    long_name = "of the tests " * 10
    model = ov.Model(outputs, inputs, long_name)
    if sinks:
        model = ov.Model(model.get_results(), sinks, inputs, long_name)
    ov.save_model(model, path, compress_to_fp16=False)
    return str(path)


def multiply(y: Node, x: Node, number: int) -> Node:
    """Multiply a matrix of 512,512 so often by x, in 1 to 3 ms each."""
    for _ in range(number):
        # The largest eigenvalue of random numbers is the size times their mean.
        y = ops.matmul(y, x, False, False)
        y = ops.multiply(y, np.float32(1 / 512 / 127.5))
    return y


def save_sum(path: Path) -> str:
    """Save a model that keeps the sum of its inputs and returns it."""
    x = ops.parameter([1], np.float32, name="x")
    total = ops.add(ops.read_value(np.zeros(1, np.float32), "total"), x)
    return save(path, [total], [x], [ops.assign(total, "total")])


def save_sum_of_each(path: Path, shapes: dict[str, str]) -> str:
    """Save a model with inputs of such names and shapes, of which it sums each."""
    inputs = [
        ops.parameter(ov.PartialShape(shape), np.float32, name=name)
        for name, shape in shapes.items()
    ]
    return save(path, [ops.reduce_sum(x, np.int64([0])) for x in inputs], inputs)
