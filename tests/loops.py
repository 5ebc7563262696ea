"""Compare the script's loop with others in one process: python tests/loops.py [MODEL ...]

MODEL is a file or the name of a network that tests/models.py builds. The others are a
polling loop, as in OpenVINO's Python sample, variants of the script, and both functions
of README's application, which copy inputs and outputs. It needs tests/requirements.txt.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from types import ModuleType

import models
import numpy as np
import openvino as ov
from support import ROOT, edited_script, load_program, load_script

sys.path.append(str(ROOT))  # README's programs import from the script

ROUNDS = 21
SECONDS = 1

Loop = Callable[[], tuple[list[float], float]]  # latencies in ms, duration in s

TWICE_THE_REQUESTS = "2 * len(ov.AsyncInferQueue(compile_model(path, device)))"
START_ASYNC = "super(ov.AsyncInferQueue, queue).start_async"
VARIANTS = {
    "the script": [],
    "without thread states": [("ctypes.pythonapi.PyGILState_Ensure()", "None")],
    "with queue.start_async": [(START_ASYNC, "queue.start_async")],
    "with twice the requests": [("INFER_REQUESTS)", f"{TWICE_THE_REQUESTS})")],
}
LOOPS = ["polling", *VARIANTS, "infer_all", "infer"]
COLUMNS = "FPS | median, ms | ratio | middle half of rounds"


def polling_loop(queue: ov.AsyncInferQueue) -> tuple[list[float], float]:
    """Read the latency of a request when it is idle again; needs no callback."""
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


def script_loop(
    script: ModuleType, queue: ov.AsyncInferQueue
) -> tuple[list[float], float]:
    """Let the script measure, warmed up before, and wait as the end of its block does."""
    latencies = []
    start = time.perf_counter()
    script.measure(queue, latencies)
    queue.wait_all()
    return latencies, time.perf_counter() - start


def infer_all_loop(
    infer_all: Callable[..., Iterator], model: ov.CompiledModel, arrays: list
) -> tuple[list[float], float]:
    """Infer the same arrays again and again; a latency is from input to output."""
    start = time.perf_counter()

    def inputs() -> Iterable[tuple]:
        while time.perf_counter() - start < SECONDS:
            yield time.perf_counter(), arrays

    latencies = [
        (time.perf_counter() - started) * 1000
        for started, _ in infer_all(model, inputs())
    ]
    return latencies, time.perf_counter() - start


def infer_loop(
    infer: Callable, threads: ThreadPoolExecutor, number: int, arrays: list
) -> tuple[list[float], float]:
    """Infer the same arrays from a number of threads; a latency is that of a call."""
    start = time.perf_counter()

    def infer_again_and_again(_: int) -> list[float]:
        latencies = []
        while (started := time.perf_counter()) - start < SECONDS:
            infer(*arrays)
            latencies.append((time.perf_counter() - started) * 1000)
        return latencies

    latencies = chain.from_iterable(threads.map(infer_again_and_again, range(number)))
    return list(latencies), time.perf_counter() - start


def open_loops(path: str, folder: Path, stack: contextlib.ExitStack) -> dict[str, Loop]:
    """Return the loops by name, each with threads of its own: thread states are kept."""
    loops = {}
    for name in LOOPS:
        # A script for each, so that all have the same random data: the work of
        # face-detection-0200 depends on it.
        script = load_script(edited_script(folder, *VARIANTS.get(name, [])))
        script.SECONDS_TO_RUN = SECONDS
        queue = stack.enter_context(script.open_queue(path, "CPU"))
        model = queue[0].get_compiled_model()
        arrays = [np.copy(tensor.data) for tensor in queue[0].input_tensors]
        if name == "polling":
            loops[name] = partial(polling_loop, queue)
        elif name == "infer_all":
            infer_all = load_program("classify").infer_all
            loops[name] = partial(infer_all_loop, infer_all, model, arrays)
        elif name == "infer":
            infer = load_program("service").thread_safe_infer(model)
            threads = stack.enter_context(ThreadPoolExecutor(2 * len(queue)))
            loops[name] = partial(infer_loop, infer, threads, 2 * len(queue), arrays)
        else:
            script.warm_up(queue)
            loops[name] = partial(script_loop, script, queue)
    return loops


def measure(loops: dict[str, Loop], model: str) -> list[str]:
    """Run each loop in turn, several times, and return the lines of a table."""
    throughputs = {name: [] for name in loops}
    medians = {name: [] for name in loops}
    for number in range(ROUNDS):
        print(f"{model}: round {number + 1} of {ROUNDS}", file=sys.stderr)
        for name in list(loops)[:: -1 if number % 2 else 1]:
            latencies, duration = loops[name]()
            throughputs[name].append(len(latencies) / duration)
            medians[name].append(statistics.median(latencies))
    lines = [f"| {model} | {COLUMNS} |", "|---|---|---|---|---|"]
    for name in loops:
        pairs = zip(throughputs[name], throughputs["polling"], strict=True)
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        quarter = len(ratios) // 4
        lines.append(
            f"| {name} | {statistics.median(throughputs[name]):.2f}"
            f" | {statistics.median(medians[name]):.3f}"
            f" | {statistics.median(ratios):.3f}"
            f" | {ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f} |"
        )
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each model."""
    default = ["two-convolutions", "face-detection-0200", "googlenet-v1"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=default)
    names = parser.parse_args(arguments).model
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            with contextlib.ExitStack() as stack:
                loops = open_loops(name, Path(folder), stack)
                print(*measure(loops, Path(name).stem), "", sep="\n")


if __name__ == "__main__":
    main()
