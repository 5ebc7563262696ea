"""Compare the script's loop with others in one process: python tests/loops.py [MODEL ...]

MODEL is a file or the name of a network that tests/models.py builds. The others are a
polling loop, as in OpenVINO's Python sample, and the script with what README changes in it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import models
import openvino as ov
from compare import ratio_of
from support import VERY_SHORT, apply_edits, edits_of, load_script

NETWORKS = ["two-convolutions", "face-detection-0200"]
ROUNDS = 15
SECONDS = 1

Loop = Callable[[], tuple[list[float], float]]  # latencies in ms, duration in s


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


def with_start_async_of_the_base_class(script: ModuleType) -> None:
    apply_edits(script, edits_of(VERY_SHORT))


def without_keep_thread_state(script: ModuleType) -> None:
    assert script.keep_thread_state  # or the next line would change nothing
    script.keep_thread_state = lambda request, userdata: None


def with_twice_the_requests(script: ModuleType) -> None:
    create_queue = script.create_queue

    def create_queue_of_twice_as_many(path: str, device: str) -> ov.AsyncInferQueue:
        script.INFER_REQUESTS = 2 * len(create_queue(path, device))
        return create_queue(path, device)

    script.create_queue = create_queue_of_twice_as_many


def polling_with_twice_the_requests(script: ModuleType) -> None:
    with_twice_the_requests(script)
    script.warm_up = lambda queue: None  # sets no callback
    script.measure = polling_loop


# Functions that change the script, once it has been imported.
VARIANTS = {
    "with `start_async` of the base class": with_start_async_of_the_base_class,
    "without `keep_thread_state`": without_keep_thread_state,
    "with twice the requests": with_twice_the_requests,
    "polling with twice the requests": polling_with_twice_the_requests,
}


def open_loops(path: str) -> dict[str, Loop]:
    """Return the loops by name, each with a queue, so a callback thread, of its own."""
    loops = {}
    for name in ["polling", "the script", *VARIANTS]:
        script = load_script()
        if name in VARIANTS:
            VARIANTS[name](script)
        script.SECONDS_TO_RUN = SECONDS
        queue = script.create_queue(path, "CPU")
        if name == "polling":
            loops[name] = partial(polling_loop, queue)
        else:
            script.warm_up(queue)
            loops[name] = partial(script.measure, queue)
    return loops


def measure(loops: dict[str, Loop], model: str) -> dict[str, str]:
    """Run each loop in turn, several times; return the ratios to the first one, by name."""
    throughputs = {name: [] for name in loops}
    for number in range(ROUNDS):
        print(f"{model}: round {number + 1} of {ROUNDS}", file=sys.stderr)
        for name in list(loops)[:: -1 if number % 2 else 1]:
            latencies, duration = loops[name]()
            throughputs[name].append(len(latencies) / duration)
    first, *others = throughputs
    return {name: ratio_of(throughputs[name], throughputs[first]) for name in others}


def main(arguments: list[str] | None = None) -> None:
    """Print a table of all loops beside polling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=NETWORKS)
    names = parser.parse_args(arguments).model
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name in models.NETWORKS:
                name = models.write(name, Path(folder))
            columns[Path(name).stem] = measure(open_loops(name), Path(name).stem)
    print("| throughput beside polling |", *(f"{name} |" for name in columns))
    print("|---|", "---|" * len(columns), sep="")
    for name in ["the script", *VARIANTS]:
        print(f"| {name} |", *(f"{ratios[name]} |" for ratios in columns.values()))


if __name__ == "__main__":
    main()
