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
BENCHMARK_APP = "from openvino.tools.benchmark.main import main; main()"
SCRIPT = Path(__file__).resolve().parent.parent / "throughput_benchmark.py"


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


def compare(path: str) -> None:
    """Measure a model both ways in turn, and print the ratio: median (quartiles)."""
    model = Path(path).stem
    ours = [str(SCRIPT), path]
    theirs = ["-c", BENCHMARK_APP, "-m", path, *OPTIONS.split()]
    ratios = []
    for number in range(PAIRS):
        print(f"{model}: pair {number + 1} of {PAIRS}", file=sys.stderr)
        # Each comes first in every other pair, for a machine that changes its speed.
        if number % 2:
            their_throughput = measure(theirs)
            our_throughput = measure(ours)
        else:
            our_throughput = measure(ours)
            their_throughput = measure(theirs)
        ratios.append(our_throughput / their_throughput)
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    print(f"{model}: {median:.2f} ({low:.2f}-{high:.2f}) of benchmark_app")


def main() -> None:
    """Compare all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=list(models.NETWORKS))
    names = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            compare(name)


if __name__ == "__main__":
    main()
