"""What several tests share: the script, its report, and a few small models."""

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
(APPLICATION,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
IMPORT = "from throughput_benchmark import open_queue\n"
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


def parse_report(stdout: str) -> dict[str, float]:
    """Return the figures of a whole report; AssertionError if a letter is off."""
    match = REPORT.fullmatch(stdout)
    assert match, stdout
    figures = match.groupdict()
    assert figures.pop("build") == ov.get_version()
    return {name: float(figure) for name, figure in figures.items()}


def message_of(result: tuple[int, str, str], model: str, device: str = "CPU") -> str:
    """Return what follows model and device in the one message of a failed run."""
    exit_status, stdout, stderr = result
    assert exit_status == 1, result
    build = f"[ INFO ] Build {'.' * 33} {ov.get_version()}"
    assert stdout.splitlines() == ["[ INFO ] OpenVINO:", build]
    assert stderr.count("[ ERROR ]") == 1
    assert "Traceback" not in stderr
    # OpenVINO's frontends may have written something before.
    _, start, message = stderr.partition(
        f"[ ERROR ] Cannot run '{model}' on '{device}': "
    )
    assert start, stderr
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


def run_side_by_side(command: list[str], times: int, cwd: Path) -> set[tuple]:
    """Run a command several times, four at a time: each exit status with its stderr."""
    with ThreadPoolExecutor(4) as threads:
        results = threads.map(lambda _: run_command(command, cwd), range(times))
        return {(exit_status, stderr) for exit_status, _, stderr in results}


def run(
    *arguments: str, script: Path = SCRIPT, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Run the script to its end, as a user does: exit status, stdout, stderr."""
    return run_command([*STRICT_PYTHON, str(script), *arguments], cwd)


def press_after(
    text: str,
    command: list[str],
    seconds: float = 0,
    cwd: Path | None = None,
    times: int = 1,
) -> tuple[int, str, str]:
    """Run a command and press Ctrl-C some time after it has printed a text, or oftener.

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
    for _ in range(times):
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    limit.cancel()
    return process.returncode, printed + stdout, stderr


def edited_script(folder: Path, *edits: tuple[str, str]) -> Path:
    """Write a copy of the script with passages replaced, each of which stands there once."""
    source = SCRIPT.read_text("utf-8")
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    script = folder / SCRIPT.name
    script.write_text(source, "utf-8")
    return script


def shortened(script: Path) -> Path:
    """Let a copy of the script measure for a tenth of a second."""
    source = script.read_text("utf-8")
    seconds = r"^SECONDS_TO_RUN = \d+"
    source, number = re.subn(
        seconds, "SECONDS_TO_RUN = 0.1", source, flags=re.MULTILINE
    )
    assert number == 1
    script.write_text(source, "utf-8")
    return script


def load_script(path: Path = SCRIPT) -> ModuleType:
    """Import a script once more, as a process of its own would."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def load_application(folder: Path, script: ModuleType) -> ModuleType:
    """Import README's application, on the functions of a script."""
    assert APPLICATION.count(IMPORT) == 1
    path = folder / "classify.py"
    path.write_text(APPLICATION.replace(IMPORT, "open_queue = None\n"), "utf-8")
    application = load_script(path)
    application.open_queue = script.open_queue
    return application


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


def multiplications(x: Node, number: int) -> Node:
    """Multiply a square matrix so many times by itself; 512,512 takes 1 to 3 ms each."""
    y = x
    for _ in range(number):
        # Half the size is the largest eigenvalue of random numbers in [0, 1).
        y = ops.multiply(ops.matmul(y, x, False, False), np.float32(2 / x.shape[0]))
    return y


def save_slow_model(path: Path, number: int) -> str:
    """Save a model of so many multiplications of a matrix of 512,512."""
    x = ops.parameter([512, 512], np.float32, name="x")
    return save(path, [multiplications(x, number)], [x])


def optimal_number_of_infer_requests(path: str) -> int:
    """Return how many infer requests OpenVINO finds optimal on the CPU."""
    config = {"PERFORMANCE_HINT": "THROUGHPUT"}
    compiled_model = ov.Core().compile_model(path, "CPU", config)
    return compiled_model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")


def table(header: str) -> list[list[str]]:
    """Return the rows below a header of README, in cells."""
    _, _, text = README.partition(f"{header}\n")
    rows = text.split("\n\n")[0].splitlines()[1:]
    assert rows
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
