"""What the tests share: the script, its report, and a few small models."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
from models import Node, ops

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import throughput_benchmark

SCRIPT = ROOT / "throughput_benchmark.py"
# Whatever Python or a library warns of is an error, and no variable of the environment
# such as PYTHONUNBUFFERED helps the script.
STRICT_PYTHON = [sys.executable, "-E", "-bb", "-W", "error", "-X", "dev"]

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


def assert_consistent(figures: dict[str, float]) -> None:
    """Check what must hold for any report."""
    throughput = figures["count"] / figures["duration"] * 1000
    assert abs(figures["throughput"] - throughput) <= 0.01 + throughput * 1e-4
    assert 0 <= figures["min"] <= figures["median"] <= figures["max"]
    assert figures["min"] <= figures["average"] <= figures["max"]
    assert figures["max"] <= figures["duration"]


def start(
    *arguments: str, script: Path = SCRIPT, cwd: Path | None = None
) -> subprocess.Popen:
    """Start the script as a user does, with its output in pipes."""
    return subprocess.Popen(
        [*STRICT_PYTHON, str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=cwd,
    )


def run(*arguments: str, **options: Path) -> tuple[int, str, str]:
    """Run the script to its end: exit status, stdout, stderr."""
    process = start(*arguments, **options)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


def edited_script(folder: Path, *edits: tuple[str, str]) -> Path:
    """Write a copy of the script with passages replaced, each of which stands there once."""
    source = SCRIPT.read_text("utf-8")
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    script = folder / SCRIPT.name
    script.write_text(source, "utf-8")
    return script


def short_script(folder: Path, *edits: tuple[str, str]) -> Path:
    """Write a copy of the script that measures for a fifth of a second."""
    return edited_script(
        folder, ("SECONDS_TO_RUN = 10 ", "SECONDS_TO_RUN = 0.2 "), *edits
    )


def requests_in_flight(model: str) -> int:
    """Return the number of infer requests that OpenVINO finds optimal."""
    compiled_model = ov.Core().compile_model(model, "CPU", throughput_benchmark.CONFIG)
    return compiled_model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")


def save(path: Path, outputs: list[Node], inputs: list[Node]) -> str:
    """Save a model as OpenVINO IR, f32 as it is."""
    # OpenVINO 2023.1 reads no IR of less than 512 bytes.
    long_name = "of the tests " * 10
    ov.save_model(ov.Model(outputs, inputs, long_name), path, compress_to_fp16=False)
    return str(path)


def multiplications(x: Node, number: int) -> Node:
    """Multiply a square matrix so many times by itself; 512,512 takes 2 or 3 ms each."""
    y = x
    for _ in range(number):
        # Half the size is the largest eigenvalue of random numbers in [0, 1).
        y = ops.multiply(ops.matmul(y, x, False, False), np.float32(2 / x.shape[0]))
    return y


def save_slow_model(path: Path, number: int, size: int = 512) -> str:
    """Save a model of so many multiplications of a square matrix."""
    x = ops.parameter([size, size], np.float32, name="x")
    return save(path, [multiplications(x, number)], [x])
