# SPDX-License-Identifier: Apache-2.0
#
# /// script
# requires-python = ">=3.10"
# dependencies = ["openvino>=2023.3,!=2026.3.*", "numpy"]
# ///
"""Measure how many inferences per second a device completes, on random inputs.

The inputs are filled once and used for every inference, so that preparing and copying
data is not measured. The throughput is the number of completed inferences over the time
from the start of the first to the end of the last. FPS are inferences per second:
multiply them by the batch size for images per second.

In an application, your own arrays go in where measure() calls start_async(), and the
outputs come out in the callback there.
"""

import argparse
import contextlib
import ctypes
import signal
import sys
import time

import numpy as np
import openvino as ov

# The settings: edit these lines, as there are no options.
SECONDS_TO_RUN = 10  # start inferences for this long
MIN_ITERATIONS = 10  # and until at least this many have completed
INFER_REQUESTS = 0  # 0: as many as OpenVINO finds optimal for the device
INPUT_SHAPES = {}  # by name or index: {"data": "[8,3,224,224]"}, {0: "[8,3,224,224]"}
CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT"}  # properties of the device

interrupted = False  # becomes True when Ctrl-C is pressed during the measurement


def create_queue(path: str, device: str) -> ov.AsyncInferQueue:
    """Read and compile a model; return a queue of infer requests, their inputs filled.

    RuntimeError says why OpenVINO cannot do that, or which shapes are missing.
    """
    core = ov.Core()
    model = core.read_model(path)
    model.reshape(INPUT_SHAPES)  # {} changes nothing
    shapes = shapes_to_measure(model)
    model.reshape(shapes)  # makes a dynamic batch static
    try:
        # With the THROUGHPUT performance hint, a device runs several inferences at once,
        # each in a stream. Each takes longer, but more complete per second.
        compiled_model = core.compile_model(model, device, CONFIG)
    except RuntimeError as error:
        available = core.available_devices
        if device in available:
            raise
        message = f"{error}\nAvailable devices: {', '.join(available)}"
        raise RuntimeError(message) from error

    # An infer request runs one inference at a time, and owns its inputs and outputs.
    # Unless INFER_REQUESTS is set, the queue has as many as keep all streams busy.
    queue = ov.AsyncInferQueue(compiled_model, INFER_REQUESTS)
    # Return and store only the queue. If the compiled model outlives it, the program may
    # hang at its end (OpenVINO 2026.4). Where you need the compiled model, call
    # queue[0].get_compiled_model().

    devices = ", ".join(compiled_model.get_property("EXECUTION_DEVICES"))
    print(
        f"[ INFO ] Devices: {devices}, infer requests: {len(queue)}, "
        f"INPUT_SHAPES = {shapes}",
        file=sys.stderr,  # stdout is for the report
    )
    rng = np.random.default_rng(seed=0)  # each run of the script has the same data
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor, rng)  # or your own data: tensor.data[...] = array
    return queue


def shapes_to_measure(model: ov.Model) -> dict[str | int, str]:
    """Return the shape of each input by its name, or by its index if it has no name.

    In an input of two dimensions or more, the first is taken for the batch. If it is
    dynamic, it becomes 1, or the least that the model allows. RuntimeError asks for other
    dynamic dimensions.
    """
    shapes = {}
    has_dynamic_batch = False
    still_dynamic = False
    for index, port in enumerate(model.inputs):
        shape = port.partial_shape  # a copy, so that the model is not changed
        # The number of dimensions, the rank, may be dynamic too.
        if shape.rank.is_static and len(shape) >= 2 and shape[0].is_dynamic:
            shape[0] = max(1, shape[0].min_length)
            has_dynamic_batch = True
        if shape.is_dynamic:
            still_dynamic = True
        name = port.any_name if port.names else index
        shapes[name] = str(shape)

    if still_dynamic:
        raise RuntimeError(
            "the model has dynamic shapes. Replace the line of INPUT_SHAPES in "
            "throughput_benchmark.py by this one, with a number for each ? or range:\n"
            f"INPUT_SHAPES = {shapes}"
        )
    if has_dynamic_batch:
        print(
            "[ WARNING ] The batch is dynamic: the smallest is measured, "
            f"INPUT_SHAPES = {shapes}",
            file=sys.stderr,
        )
    return shapes


def fill_random(tensor: ov.Tensor, rng: np.random.Generator) -> None:
    """Fill a tensor: numbers from 0 to 255, random bits in small types, text of digits."""
    # tensor.data is the memory of the tensor, as a NumPy array.
    match tensor.element_type.get_type_name():
        case "f32" | "f64":
            # In place: a large input is not copied.
            numbers = tensor.data
            rng.random(out=numbers, dtype=numbers.dtype)
            numbers *= 255
        case "f16":
            # NumPy makes random numbers of f32 and f64 only.
            numbers = rng.random(tensor.shape, np.float32)
            numbers *= 255
            tensor.data[...] = numbers
        case "bf16":
            # NumPy has no bf16. Its 16 bits are the upper half of an f32.
            numbers = rng.random(tensor.shape, np.float32)
            numbers *= 255
            bits = numbers.view(np.uint32)
            bits >>= 16
            tensor.data.view(np.uint16)[...] = bits
        case "boolean":
            tensor.data[...] = rng.integers(0, 2, tensor.shape, bool)
        case "string":
            # NumPy cannot write into the memory of strings, which are set as a whole.
            tensor.str_data = rng.integers(10**6, size=tensor.shape).astype(str)
        case _:
            # Integers. Types that NumPy does not have, such as u4 and f8e4m3, are seen as
            # bytes.
            tensor.data[...] = rng.integers(0, 256, tensor.data.shape, np.uint8)


def warm_up(queue: ov.AsyncInferQueue) -> None:
    """Run each infer request once, because a first inference takes longer."""
    queue.set_callback(keep_thread_state)  # optional, only for speed
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()


def measure(queue: ov.AsyncInferQueue) -> tuple[list[float], float]:
    """Keep all infer requests busy; return the latencies in ms, the duration in s."""
    latencies = []
    # In a stateful model, such as a language model, an inference continues the one before
    # it on the same infer request, unless the state is reset.
    is_stateful = bool(queue[0].query_state())
    if is_stateful:
        for request in queue:
            request.reset_state()

    # OpenVINO calls this for each completed inference, before the infer request is idle
    # again. Keep it short: all callbacks share one thread, so a slow one delays those
    # that follow, and raises their latency.
    def callback(request: ov.InferRequest, userdata: object) -> None:
        latencies.append(request.latency)
        # Copy the outputs that you need, because the next inference overwrites them:
        # request.output_tensors[0].data.copy()
        if is_stateful:  # other models are spared the call, which takes time
            request.reset_state()

    queue.set_callback(callback)

    start = time.perf_counter()
    end = start + SECONDS_TO_RUN
    while time.perf_counter() < end or len(latencies) < MIN_ITERATIONS:
        # To infer copies of your own arrays, with a userdata for the callback:
        # queue.start_async({"data": array}, userdata)
        queue.start_async()  # waits until an infer request is idle
        if interrupted:  # after a start, so that there is something to report
            break
    queue.wait_all()
    duration = time.perf_counter() - start
    return latencies, duration


def keep_thread_state(request: ov.InferRequest, userdata: object) -> None:
    """Keep Python's state of the callback thread alive, which makes callbacks faster.

    The thread is OpenVINO's. Python makes a state for it before each callback, and frees
    it afterwards, unless it is held. This call holds it for good. That is worth 1.6 times
    the throughput with 32 streams of 1 ms an inference, 1.3 times with 2 streams of
    0.04 ms, and nothing with 2 streams of 5 ms. Each queue keeps one state: leave this
    out of a program that makes queue after queue.
    """
    ctypes.pythonapi.PyGILState_Ensure()


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(f"[ INFO ] Count:          {len(latencies)} iterations")
    print(f"[ INFO ] Duration:       {duration * 1000:.2f} ms")
    print("[ INFO ] Latency:")
    print(f"[ INFO ]     Median:     {np.median(latencies):.2f} ms")
    print(f"[ INFO ]     Average:    {np.mean(latencies):.2f} ms")
    print(f"[ INFO ]     Min:        {min(latencies):.2f} ms")
    print(f"[ INFO ]     Max:        {max(latencies):.2f} ms")
    # Flushed here, so that main() sees an error of the output.
    print(f"[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS", flush=True)


def interrupt(signal_number: int, frame: object) -> None:
    """End the measurement at the first Ctrl-C, and the program at the second.

    Python calls this only between calls of OpenVINO.
    """
    global interrupted
    interrupted = True
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def benchmark(path: str, device: str) -> None:
    """Measure a model on a device, and print the report."""
    build = ov.get_version()
    print("[ INFO ] OpenVINO:")
    print(f"[ INFO ] Build ................................. {build}", flush=True)
    queue = create_queue(path, device)
    try:
        warm_up(queue)
        signal.signal(signal.SIGINT, interrupt)  # now there is something to report
        latencies, duration = measure(queue)
    finally:
        # After an error, other infer requests may still be running, and a queue that is
        # freed then hangs or crashes. wait_all() would stop at the first error, which is
        # already known.
        for request in queue:
            with contextlib.suppress(RuntimeError):
                request.wait()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # so that no report is cut
    report(latencies, duration)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0, 1 after an error or 130 after an interrupted run.

    It sets the handling of Ctrl-C, so it is for the main thread of a process of its own.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"It takes some {SECONDS_TO_RUN} seconds. There are no options: the "
        "settings are the constants at the top of the script.",
    )
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    args = parser.parse_args(arguments)
    path, device = args.path_to_model, args.device_name
    # Take out this try to see where an error comes from.
    try:
        benchmark(path, device)
    except OSError as error:  # of the output, or of a file that you read
        print(f"[ ERROR ] {error}", file=sys.stderr)
        with contextlib.suppress(OSError):
            sys.stdout.close()  # or Python tries once more, and ends with status 120
        return 1
    # OpenVINO raises RuntimeError, and UnicodeError where a path is not UTF-8.
    except (RuntimeError, MemoryError, UnicodeError) as error:
        reason = str(error).strip() or repr(error)
        print(f"[ ERROR ] Cannot run '{path}' on '{device}': {reason}", file=sys.stderr)
        return 1
    return 130 if interrupted else 0


if __name__ == "__main__":
    # Until the measurement begins, Ctrl-C ends the program at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
