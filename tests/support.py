"""What several tests share: the script, README, how to run them, and small models."""

import ast
import importlib.util
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import openvino as ov
from models import Node, ops

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "throughput_benchmark.py"
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
OWN_DATA, CHOICES, VERY_SHORT, APPLICATION = [
    text for language, text in BLOCKS if language == "diff"
]

SECONDS_TO_WAIT = 100  # for a process, on a slow machine
# Whatever Python or a library warns of is an error, but for the GIL that OpenVINO turns on
# in free-threaded Python; and no variable of the environment such as PYTHONUNBUFFERED
# helps the script.
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
    r"(?P<line>INPUT_SHAPES = (?P<shapes>\{.*\}))\n"
)


def parse_measured(stderr: str) -> dict[str, str]:
    """Return the devices, requests, shapes and line of shapes of stderr, no more on it."""
    match = MEASURED.fullmatch(stderr)
    assert match, stderr
    ast.literal_eval(match["shapes"])
    return match.groupdict()


def parse_report(stdout: str) -> dict[str, float]:
    """Return the figures of a whole report; AssertionError if a letter is off."""
    match = REPORT.fullmatch(stdout)
    assert match, stdout
    figures = match.groupdict()
    assert figures.pop("build") == ov.get_version()
    return {name: float(figure) for name, figure in figures.items()}


def assert_nothing_measured(stdout: str) -> None:
    build = f"[ INFO ] Build {'.' * 33} {ov.get_version()}"
    assert stdout.splitlines() == ["[ INFO ] OpenVINO:", build]


def message_of(
    result: tuple[int, str, str], model: str = "", device: str = "CPU"
) -> str:
    """Return what follows model and device in the one message of a failed run.

    Without a model, the message is of a file or of the output.
    """
    exit_status, stdout, stderr = result
    assert exit_status == 1, result
    assert_nothing_measured(stdout)
    assert stderr.count("[ ERROR ]") == 1
    assert "Traceback" not in stderr
    # OpenVINO's frontends and the script may have written something before.
    of_the_model = f"Cannot run '{model}' on '{device}': " if model else ""
    _, start, message = stderr.partition(f"[ ERROR ] {of_the_model}")
    assert start, stderr
    assert model or not message.startswith("Cannot run")
    assert message == f"{message.strip()}\n"
    assert message.strip()
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
    """Return a command that runs a script as a user does, after some code with hooks."""
    program = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import openvino as ov
from hooks import *
{code}
run_script()
"""
    return [*STRICT_PYTHON, "-c", program, str(script), *arguments]


def press_after(
    text: str,
    command: list[str],
    cwd: Path | None = None,
    presses: tuple[float, ...] = (0,),
) -> tuple[int, str, str]:
    """Run a command, wait until it prints a text, and press Ctrl-C so many s apart.

    Return exit status, stdout and stderr.
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        encoding="utf-8",
    )
    limit = threading.Timer(SECONDS_TO_WAIT, process.kill)
    limit.start()
    printed = ""
    while text not in printed and process.poll() is None:
        printed += process.stdout.readline()
    for seconds in presses:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
    printed += process.stdout.read()
    _, stderr = process.communicate()
    limit.cancel()
    return process.returncode, printed, stderr


def edited_source(*edits: tuple[str, str], **constants: object) -> str:
    """Return the script with README's edits made and constants set.

    Each passage stands there once.
    """
    source = SCRIPT.read_text("utf-8")
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    for name, value in constants.items():
        line = re.compile(rf"^{name} = .*$", re.MULTILINE)
        source, number = line.subn(f"{name} = {value!r}", source)
        assert number == 1, name
    return source


def edited_script(folder: Path, *edits: tuple[str, str], **constants: object) -> Path:
    """Write an edited script; unless set, it measures for a tenth of a second."""
    script = folder / SCRIPT.name
    constants = {"SECONDS_TO_RUN": 0.1, **constants}
    script.write_text(edited_source(*edits, **constants), "utf-8")
    return script


def apply_edits(script: ModuleType, edits: list[tuple[str, str]]) -> None:
    """Make README's edits in a script that has been imported."""
    exec(edited_source(*edits), vars(script))


def edits_of(diff: str) -> list[tuple[str, str]]:
    """Return the edits of a diff: of the lines between @@, the old ones and the new."""
    return [
        tuple(
            "".join(line[1:] for line in hunk.splitlines(True) if line[0] in signs)
            for signs in [" -", " +"]
        )
        for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE)
        if hunk
    ]


def load_script(path: Path = SCRIPT) -> ModuleType:
    """Import a script once more, as a process of its own would."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
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


def save_slow_model(path: Path, number: int) -> str:
    """Save a model of so many multiplications of a matrix of 512,512."""
    x = ops.parameter([512, 512], np.float32, name="x")
    return save(path, [multiply(x, x, number)], [x])


def save_reshape(path: Path) -> str:
    """Save a model that fails where the pattern does not suit six numbers."""
    x = ops.parameter([2, 3], np.float32, name="x")
    pattern = ops.parameter([2], np.int64, name="pattern")
    return save(path, [ops.reshape(x, pattern, special_zero=False)], [x, pattern])


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


def table(header: str) -> list[list[str]]:
    """Return the rows below a header of README, in cells."""
    _, _, text = README.partition(f"{header}\n")
    rows = text.split("\n\n")[0].splitlines()[1:]
    assert rows
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
