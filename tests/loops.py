"""Compare the script's loop with others in one process: python tests/loops.py [MODEL ...]

MODEL is a file or the name of a network that tests/models.py builds. The others are a
polling loop, as in OpenVINO's Python sample, and the script without what speeds it up.
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import models
import openvino as ov
from support import edited_script

from throughput_benchmark import CONFIG, fill_random

ROUNDS = 15
SECONDS = 1

Loop = Callable[[ov.CompiledModel], tuple[list[float], float]]

HOLD_NO_THREAD_STATE = ("ctypes.pythonapi.PyGILState_Ensure()", "pass")
QUEUE_START_ASYNC = (
    "super(ov.AsyncInferQueue, queue).start_async",
    "lambda _, is_warm_up: queue.start_async(userdata=is_warm_up)",
)
VARIANTS = {
    "the script": [],
    "without thread states": [HOLD_NO_THREAD_STATE],
    "with queue.start_async": [QUEUE_START_ASYNC],
    "with neither": [HOLD_NO_THREAD_STATE, QUEUE_START_ASYNC],
}


def script_loop(folder: Path, edits: list[tuple[str, str]]) -> Loop:
    """Return the function measure of the script with passages replaced."""
    folder.mkdir()
    path = edited_script(folder, *edits)
    spec = importlib.util.spec_from_file_location(folder.name, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.SECONDS_TO_RUN = SECONDS

    def measure(compiled_model: ov.CompiledModel) -> tuple[list[float], float]:
        latencies, duration, interrupted = script.measure(compiled_model)
        if interrupted:
            sys.exit(130)
        return latencies, duration

    return measure


def polling_loop(compiled_model: ov.CompiledModel) -> tuple[list[float], float]:
    """Read the latency of a request when it is idle again; needs no callback."""
    queue = ov.AsyncInferQueue(compiled_model)
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor)
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()

    latencies = []
    in_flight = set()
    start = time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        index = queue.get_idle_request_id()
        if index in in_flight:
            latencies.append(queue[index].latency)
        in_flight.add(index)
        queue.start_async()
    queue.wait_all()
    duration = time.perf_counter() - start
    latencies.extend(queue[index].latency for index in in_flight)
    return latencies, duration


def compare(path: str, loops: dict[str, Loop]) -> list[str]:
    """Measure a model with each loop in turn and return rows of the table."""
    core = ov.Core()
    # Each has its threads for itself: a thread state that one holds is held for all.
    compiled_models = {name: core.compile_model(path, "CPU", CONFIG) for name in loops}
    throughputs = {name: [] for name in loops}
    medians = {name: [] for name in loops}
    for number in range(ROUNDS):
        print(f"{Path(path).stem}: round {number + 1} of {ROUNDS}", file=sys.stderr)
        for name in list(loops)[:: -1 if number % 2 else 1]:
            latencies, duration = loops[name](compiled_models[name])
            throughputs[name].append(len(latencies) / duration)
            medians[name].append(statistics.median(latencies))
    rows = []
    for name in loops:
        pairs = zip(throughputs[name], throughputs["polling"], strict=True)
        ratios = sorted(ours / polling for ours, polling in pairs)
        quarter = len(ratios) // 4
        rows.append(
            f"| {Path(path).stem} | {name} | {statistics.median(throughputs[name]):.2f}"
            f" | {statistics.median(medians[name]):.3f} | {statistics.median(ratios):.3f}"
            f" | {ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f} |"
        )
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Print a table of all models."""
    default = ["two-convolutions", "face-detection-0200", "googlenet-v1"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=default)
    names = parser.parse_args(arguments).model
    with tempfile.TemporaryDirectory() as folder:
        loops = {"polling": polling_loop}
        for name, edits in VARIANTS.items():
            loops[name] = script_loop(Path(folder) / name, edits)
        rows = []
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            rows += compare(name, loops)
    print("| model | loop | FPS | median, ms | ratio to polling | middle half |")
    print("|---|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
