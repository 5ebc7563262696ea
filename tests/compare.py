"""Compare the script with benchmark_app: python tests/compare.py [MODEL ...]

MODEL is a file or the name of a network that tests/models.py builds; by default all
validated networks. Each pair of runs takes some 25 seconds.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import models

PAIRS = 11
SECONDS = 10  # what the script takes
HEADER = (
    "| model | script, FPS | median, ms | benchmark_app, FPS | median, ms"
    " | ratio | from pair to pair |"
)
BENCHMARK_APP = "from openvino.tools.benchmark.main import main; main()"
SCRIPT = Path(__file__).resolve().parent.parent / "throughput_benchmark.py"


def measure(command: list[str]) -> tuple[float, float]:
    """Return throughput in FPS and median latency in ms; SystemExit if it fails."""
    result = subprocess.run(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    throughput = re.search(r"Throughput: +([\d.]+) FPS", result.stdout)
    median = re.search(r"Median: +([\d.]+) ([mu]s)", result.stdout)
    if result.returncode or not throughput or not median:
        sys.exit(f"{result.stdout}[ ERROR ] exit status {result.returncode}: {command}")
    return float(throughput[1]), float(median[1]) / {"ms": 1, "us": 1000}[median[2]]


def compare(path: str) -> str:
    """Measure a model both ways in alternation and return a row of the table."""
    options = ["-m", path, "-hint", "throughput", "-t", str(SECONDS)]
    commands = [[str(SCRIPT), path], ["-c", BENCHMARK_APP, *options]]
    pairs = []
    for number in range(PAIRS):
        print(f"{Path(path).stem}: pair {number + 1} of {PAIRS}", file=sys.stderr)
        # Each comes first in every other pair, for a machine that changes its speed.
        order = [1, 0] if number % 2 else [0, 1]
        figures = {index: measure(commands[index]) for index in order}
        pairs.append((figures[0], figures[1]))
    ours, theirs = (
        [statistics.median(column) for column in zip(*side, strict=True)]
        for side in zip(*pairs, strict=True)
    )
    ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
    return (
        f"| {Path(path).stem} | {ours[0]:.2f} | {ours[1]:.2f} | {theirs[0]:.2f} |"
        f" {theirs[1]:.2f} | {statistics.median(ratios):.3f} |"
        f" {min(ratios):.3f} to {max(ratios):.3f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print a table of all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=list(models.VALIDATED))
    names = parser.parse_args(arguments).model
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            rows.append(compare(name))
    print(HEADER, "|---|---|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
