"""Compare the script with benchmark_app: python tests/compare.py [MODEL ...]

MODEL is a file, its inputs of f32, or the name of a network that tests/models.py builds;
all of these by default. Each pair of runs takes some 25 seconds.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import models

PAIRS = 5
OPTIONS = "-hint throughput -t 10 -ip f32"
HEADER = "| model | throughput beside benchmark_app |"
BENCHMARK_APP = "from openvino.tools.benchmark.main import main; main()"
SCRIPT = Path(__file__).resolve().parent.parent / "throughput_benchmark.py"


def ratio_of(ours: list[float], theirs: list[float]) -> str:
    """Return the median of the ratios of pairs, and the quartiles."""
    ratios = sorted(our / their for our, their in zip(ours, theirs, strict=True))
    quarter = len(ratios) // 4
    return (
        f"{statistics.median(ratios):.2f}"
        f" ({ratios[quarter]:.2f}-{ratios[-1 - quarter]:.2f})"
    )


def measure(command: list[str]) -> float:
    """Return the throughput in FPS; SystemExit if the command fails."""
    result = subprocess.run(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    throughput = re.search(r"Throughput: +([\d.]+) FPS", result.stdout)
    if result.returncode or not throughput:
        sys.exit(f"{result.stdout}[ ERROR ] exit status {result.returncode}: {command}")
    return float(throughput[1])


def compare(path: str) -> str:
    """Measure a model both ways in alternation and return a row of the table."""
    model = Path(path).stem
    theirs_command = ["-c", BENCHMARK_APP, "-m", path, *OPTIONS.split()]
    commands = [[str(SCRIPT), path], theirs_command]
    ours, theirs = [], []
    for number in range(PAIRS):
        print(f"{model}: pair {number + 1} of {PAIRS}", file=sys.stderr)
        # Each comes first in every other pair, for a machine that changes its speed.
        for index in [1, 0] if number % 2 else [0, 1]:
            [ours, theirs][index].append(measure(commands[index]))
    return f"| {model} | {ratio_of(ours, theirs)} |"


def main(arguments: list[str] | None = None) -> None:
    """Print a table of all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=list(models.NETWORKS))
    names = parser.parse_args(arguments).model
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            rows.append(compare(name))
    print(HEADER, "|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
