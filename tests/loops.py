"""Compare the script's loop with others in one process: python tests/loops.py [MODEL ...]

MODEL is a file or the name of a network that tests/models.py builds. The others are a
polling loop, as in OpenVINO's Python sample, variants of the script, and the application
of README, which copies inputs and outputs besides.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType

import models
import openvino as ov
from support import edited_script, load_application, load_script

ROUNDS = 31
SECONDS = 1

Loop = Callable[[ov.AsyncInferQueue], tuple[list[float], float]]

HOLD_NO_THREAD_STATE = ("ctypes.pythonapi.PyGILState_Ensure()", "None")
QUEUE_START_ASYNC = (
    "super(ov.AsyncInferQueue, queue).start_async",
    "queue.start_async",
)
TWICE_THE_REQUESTS = (
    "ov.AsyncInferQueue(compiled_model, INFER_REQUESTS)",
    "ov.AsyncInferQueue(compiled_model, 2 * len(ov.AsyncInferQueue(compiled_model)))",
)
VARIANTS = {
    "the script": [],
    "without thread states": [HOLD_NO_THREAD_STATE],
    "with queue.start_async": [QUEUE_START_ASYNC],
    "with twice the requests": [TWICE_THE_REQUESTS],
}
LOOPS = {"polling": [], **VARIANTS, "the application": []}
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


def script_loop(script: ModuleType) -> Loop:
    """Return the function measure of a script; it ends the comparison after Ctrl-C."""

    def measure(queue: ov.AsyncInferQueue) -> tuple[list[float], float]:
        latencies, duration, interrupted = script.measure(queue)
        if interrupted:
            sys.exit(130)
        return latencies, duration

    return measure


def application_loop(submit: Callable[..., Future], queue: ov.AsyncInferQueue) -> Loop:
    """Return a loop that keeps each thread of README's application busy."""
    inputs = [tensor.data.copy() for tensor in queue[0].input_tensors]

    def infer_and_time(infer: Callable) -> float:
        start = time.perf_counter()
        infer(*inputs)
        return (time.perf_counter() - start) * 1000

    def loop(queue: ov.AsyncInferQueue) -> tuple[list[float], float]:
        latencies = []
        start = time.perf_counter()
        futures = deque(submit(infer_and_time) for _ in range(2 * len(queue)))
        while time.perf_counter() - start < SECONDS:
            latencies.append(futures.popleft().result())
            futures.append(submit(infer_and_time))
        latencies.extend(future.result() for future in futures)
        return latencies, time.perf_counter() - start

    return loop


def compare(path: str, folder: Path) -> list[str]:
    """Measure a model with each loop in turn and return the lines of a table."""
    with contextlib.ExitStack() as stack:
        loops, queues = {}, {}
        for name, edits in LOOPS.items():
            # A script for each, so that all have the same random data: the work of
            # face-detection-0200 depends on it.
            script = load_script(edited_script(folder, *edits))
            script.SECONDS_TO_RUN = SECONDS
            # Threads for each: a thread state that one loop holds is held for all.
            queue = queues[name] = stack.enter_context(script.open_queue(path, "CPU"))
            if name == "polling":
                loops[name] = polling_loop
            elif name == "the application":
                open_model = load_application(folder, script).open_model
                submit = stack.enter_context(open_model(path))
                loops[name] = application_loop(submit, queue)
            else:
                script.warm_up(queue)
                loops[name] = script_loop(script)
        return measure(loops, queues, Path(path).stem)


def measure(loops: dict[str, Loop], queues: dict, model: str) -> list[str]:
    """Run each loop in turn, several times, and return the lines of a table."""
    throughputs = {name: [] for name in loops}
    medians = {name: [] for name in loops}
    for number in range(ROUNDS):
        print(f"{model}: round {number + 1} of {ROUNDS}", file=sys.stderr)
        for name in list(loops)[:: -1 if number % 2 else 1]:
            latencies, duration = loops[name](queues[name])
            throughputs[name].append(len(latencies) / duration)
            medians[name].append(statistics.median(latencies))
    lines = [f"| {model} | {COLUMNS} |", "|---|---|---|---|---|"]
    polling = statistics.median(throughputs["polling"])
    for name in loops:
        throughput = statistics.median(throughputs[name])
        pairs = zip(throughputs[name], throughputs["polling"], strict=True)
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        quarter = len(ratios) // 4
        lines.append(
            f"| {name} | {throughput:.2f} | {statistics.median(medians[name]):.3f}"
            f" | {throughput / polling:.3f}"
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
            print(*compare(name, Path(folder)), "", sep="\n")


if __name__ == "__main__":
    main()
