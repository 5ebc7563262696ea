"""Compare the script's loop with others in one process: python tests/loops.py [MODEL ...]

MODEL is a file or the name of a network that tests/models.py builds. The others are a
polling loop, as in OpenVINO's Python sample, and the script without each of its fast paths
or with twice the infer requests.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from types import ModuleType, SimpleNamespace

import models
import openvino as ov
from support import load_script

NETWORKS = ["two-convolutions", "face-detection-0200", "googlenet-v1"]
ROUNDS = 15
SECONDS = 1

Loop = Callable[[], tuple[list[float], float]]  # latencies in ms, duration in s


def without_thread_states(script: ModuleType) -> None:
    pythonapi = SimpleNamespace(PyGILState_Ensure=lambda: None)
    script.ctypes = SimpleNamespace(pythonapi=pythonapi)


def with_queue_start_async(script: ModuleType) -> None:
    script.super = lambda base, queue: queue


def with_twice_the_requests(script: ModuleType) -> None:
    create_queue = script.create_queue

    def create_queue_of_twice_as_many(path: str, device: str) -> ov.AsyncInferQueue:
        script.INFER_REQUESTS = 2 * len(create_queue(path, device))
        return create_queue(path, device)

    script.create_queue = create_queue_of_twice_as_many


VARIANTS = {
    "the script without held thread states": without_thread_states,
    "the script with queue.start_async": with_queue_start_async,
    "the script with twice the requests": with_twice_the_requests,
}
# By the loop that they are compared with.
COMPARED = {
    "polling": ["the script", *VARIANTS],
}


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


def open_loops(path: str) -> dict[str, Loop]:
    """Return the loops by name, each with threads of its own: thread states are kept."""
    loops = {}
    for name in ["polling", *chain(*COMPARED.values())]:
        script = load_script()
        script.SECONDS_TO_RUN = SECONDS
        if name in VARIANTS:
            VARIANTS[name](script)
        queue = script.create_queue(path, "CPU")
        if name == "polling":
            loops[name] = partial(polling_loop, queue)
        else:
            script.warm_up(queue)
            loops[name] = partial(script.measure, queue)
    return loops


def measure(loops: dict[str, Loop], model: str) -> dict[str, str]:
    """Run each loop in turn, several times, and return a cell of a table for each."""
    throughputs = {name: [] for name in loops}
    for number in range(ROUNDS):
        print(f"{model}: round {number + 1} of {ROUNDS}", file=sys.stderr)
        for name in list(loops)[:: -1 if number % 2 else 1]:
            latencies, duration = loops[name]()
            throughputs[name].append(len(latencies) / duration)
    cells = {}
    for base, names in COMPARED.items():
        for name in names:
            pairs = zip(throughputs[name], throughputs[base], strict=True)
            ratios = sorted(ours / theirs for ours, theirs in pairs)
            quarter = len(ratios) // 4
            cells[name] = (
                f"{statistics.median(ratios):.2f}"
                f" ({ratios[quarter]:.2f} to {ratios[-1 - quarter]:.2f})"
            )
    return cells


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each loop that others are compared with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=NETWORKS)
    names = parser.parse_args(arguments).model
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            columns[Path(name).stem] = measure(open_loops(name), Path(name).stem)
    for base, names in COMPARED.items():
        print(f"| throughput beside {base} |", *(f"{name} |" for name in columns))
        print("|---|", "---|" * len(columns), sep="")
        for name in names:
            print(f"| {name} |", *(f"{cells[name]} |" for cells in columns.values()))
        print()


if __name__ == "__main__":
    main()
