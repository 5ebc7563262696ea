# SPDX-License-Identifier: Apache-2.0
#
# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "openvino>=2023.3,!=2026.3.*",  # 2026.3 may hang when a queue is freed
#     "numpy",
# ]
# ///
"""Measure how many inferences per second a device completes, on random inputs.

The inputs are filled once and used for every inference, so that preparing data is not
measured. The latency is the time from the start of an inference to its callback, while
other inferences run. The throughput is the number of completed inferences over the time
from the start of the first to the end of the last. FPS means inferences per second:
multiply it by the batch size for images per second.
"""

import argparse
import contextlib
import ctypes
import sys
import time

import numpy as np
import openvino as ov

# The settings. There are no options: edit these lines.
SECONDS_TO_RUN = 10  # at least this long
MIN_ITERATIONS = 10  # the least number of completed inferences
INFER_REQUESTS = 0  # 0: the device's OPTIMAL_NUMBER_OF_INFER_REQUESTS
INPUT_SHAPES = {}  # by name or index: {"data": "[8,3,224,224]"}, {0: "[8,3,224,224]"}
CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT"}  # properties of the device


def read_model_as_static(path: str) -> ov.Model:
    """Read a model, set INPUT_SHAPES, and make a dynamic batch static.

    All dynamic batches become the same number: 1, or the least that the model allows.
    Raises RuntimeError if other dimensions are dynamic, or if OpenVINO cannot read it.
    """
    model = ov.Core().read_model(path)
    model.reshape(INPUT_SHAPES)  # {} changes nothing

    # Copies of the shapes. Only reshape() below changes the model.
    shapes = [port.partial_shape for port in model.inputs]
    batch = 1
    for shape in shapes:
        if has_dynamic_batch(shape):
            batch = max(batch, shape[0].min_length)
    for shape in shapes:
        if has_dynamic_batch(shape):
            shape[0] = batch

    if any(shape.is_dynamic for shape in shapes):
        raise RuntimeError(
            "the model has dynamic shapes. Replace the line of INPUT_SHAPES in "
            "throughput_benchmark.py by this one, with a number for each ? or range:\n"
            f"INPUT_SHAPES = {shapes_by_name(model)}"
        )
    model.reshape(dict(enumerate(shapes)))
    return model


def has_dynamic_batch(shape: ov.PartialShape) -> bool:
    """Return whether the first dimension, which is taken for the batch, is dynamic."""
    # The rank, the number of dimensions, may be dynamic too. A single dimension, as of
    # an audio signal, is no batch.
    return shape.rank.is_static and len(shape) >= 2 and shape[0].is_dynamic


def shapes_by_name(model: ov.Model) -> dict[str | int, str]:
    """Return the shape of each input by its name, or by its index if it has no name."""
    return {
        port.any_name if port.names else index: str(port.partial_shape)
        for index, port in enumerate(model.inputs)
    }


def create_queue(model: ov.Model, device: str) -> ov.AsyncInferQueue:
    """Compile a model for a device, and return a queue of infer requests.

    Raises RuntimeError if OpenVINO cannot do that.
    """
    core = ov.Core()  # freed on return, for the reason at the end
    if device.startswith("AUTO"):
        # Wait for the device that AUTO selects. Otherwise AUTO begins on the CPU, and
        # the queue may get too few infer requests. This property is not in CONFIG,
        # because other devices refuse it.
        core.set_property("AUTO", {"ENABLE_STARTUP_FALLBACK": "NO"})
    # With the THROUGHPUT performance hint, a device runs several inferences at once.
    # Each one takes longer, but more of them complete per second.
    compiled_model = core.compile_model(model, device, CONFIG)
    # An infer request runs one inference at a time, and owns its inputs and outputs.
    queue = ov.AsyncInferQueue(compiled_model, INFER_REQUESTS)

    devices = compiled_model.get_property("EXECUTION_DEVICES")
    print(
        f"[ INFO ] Devices: {devices}, infer requests: {len(queue)}, "
        f"INPUT_SHAPES = {shapes_by_name(model)}",
        file=sys.stderr,  # stdout is for the report
    )
    # Return only the queue, which keeps what it needs. OpenVINO 2026.4 may hang where a
    # core or a compiled model lives longer than a queue with a callback. Where you need
    # the compiled model, call queue[0].get_compiled_model(), and do not store the result.
    return queue


def fill_inputs(queue: ov.AsyncInferQueue) -> None:
    """Fill the inputs of all infer requests with random data."""
    rng = np.random.default_rng(seed=0)  # each run of the script has the same data
    for request in queue:
        for tensor in request.input_tensors:
            fill_random(tensor, rng)  # or your own data: tensor.data[...] = array


def fill_random(tensor: ov.Tensor, rng: np.random.Generator) -> None:
    """Fill a tensor with random whole numbers from 0 to 255, or with booleans.

    Types of 8 bits and fewer get random bits, so that i8 has negative numbers, too.
    """
    match tensor.element_type.get_type_name():
        case "string":
            # tensor.data of strings is a copy, and filling it would change nothing.
            tensor.str_data = rng.integers(256, size=tensor.shape).astype(str)
        case "bf16":
            # NumPy has no bf16, and tensor.data shows its bits as f16. A bf16 is the
            # upper half of an f32.
            numbers = rng.integers(256, size=tensor.shape, dtype=np.uint8)
            bits = numbers.astype(np.float32).view(np.uint32) >> 16
            tensor.data.view(np.uint16)[...] = bits
        case _:
            # The memory of the tensor, as a NumPy array. Small types that NumPy does
            # not have, such as u4, appear as bytes.
            data = tensor.data
            end = 2 if data.dtype == bool else 256
            data[...] = rng.integers(end, size=data.shape, dtype=np.uint8)


def measure(queue: ov.AsyncInferQueue, is_stateful: bool) -> tuple[list[float], float]:
    """Keep all infer requests busy; return the latencies in ms, the duration in s."""
    # The warm-up: the first inference of an infer request takes longer.
    queue.set_callback(keep_thread_state)  # only for speed: may be left out
    for _ in range(len(queue)):
        queue.start_async()
    queue.wait_all()

    # In a stateful model, such as a language model, an inference continues the one
    # before it on the same infer request. After a reset, it is a first one again.
    if is_stateful:
        for request in queue:
            request.reset_state()

    latencies = []

    # OpenVINO calls this for each completed inference, before its infer request is idle
    # again. Keep it short: other callbacks may wait for it. On CPU, one thread runs all
    # callbacks. On GPU, they may overlap: append() is safe there, count += 1 is not.
    def callback(request: ov.InferRequest, userdata: object) -> None:
        latencies.append(request.latency)
        # Copy the outputs that you need, because the next inference overwrites them:
        # request.output_tensors[0].data.copy()
        if is_stateful:
            request.reset_state()

    queue.set_callback(callback)

    start = time.perf_counter()
    end = start + SECONDS_TO_RUN
    # Ctrl-C ends the loop. Inferences that have been started still count.
    with contextlib.suppress(KeyboardInterrupt):
        while time.perf_counter() < end or len(latencies) < MIN_ITERATIONS:
            # Start a multiple of the number of infer requests. Otherwise, a device that
            # collects inferences into batches may wait a second for the last batch to
            # become full.
            for _ in range(len(queue)):
                # For your own arrays, which are copied. Inferences may complete in
                # another order than they start, so pass a userdata that tells which:
                # queue.start_async({"data": array}, userdata)
                queue.start_async()  # waits until an infer request is idle
    queue.wait_all()  # returns after the last callback
    duration = time.perf_counter() - start
    return latencies, duration


def wait_for_each(queue: ov.AsyncInferQueue) -> None:
    """Wait until no inference runs. If one fails, wait_all() does not wait for the rest.

    A queue that is freed while inferences run may hang or crash: OpenVINO 2023.3 hangs
    after a failed inference, 2026.4 after Ctrl-C.
    """
    for request in queue:
        with contextlib.suppress(RuntimeError):  # the error has been raised before
            request.wait()


def report(latencies: list[float], duration: float) -> None:
    """Print the figures; latencies are in ms, the duration is in s."""
    print(f"[ INFO ] Count:          {len(latencies)} iterations")
    print(f"[ INFO ] Duration:       {duration * 1000:.2f} ms")
    print("[ INFO ] Latency:")
    print(f"[ INFO ]     Median:     {np.median(latencies):.2f} ms")
    print(f"[ INFO ]     Average:    {np.mean(latencies):.2f} ms")
    print(f"[ INFO ]     Min:        {min(latencies):.2f} ms")
    print(f"[ INFO ]     Max:        {max(latencies):.2f} ms")
    print(f"[ INFO ] Throughput: {len(latencies) / duration:.2f} FPS")


def keep_thread_state(request: ov.InferRequest, userdata: object) -> None:
    """Keep Python's state of OpenVINO's thread, otherwise made anew for each callback.

    It matters above some 10,000 FPS only. The state is never released, so leave this
    out of a program that makes queue after queue.
    """
    ctypes.pythonapi.PyGILState_Ensure()


def main() -> None:
    """Run the benchmark; SystemExit if OpenVINO cannot read or compile the model."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"It takes some {SECONDS_TO_RUN} seconds. There are no options: the "
        "settings are the constants at the top of the script.",
    )
    parser.add_argument("path_to_model", help="OpenVINO IR, ONNX, TensorFlow, ...")
    parser.add_argument("device_name", nargs="?", default="CPU", help="default: CPU")
    args = parser.parse_args()
    path, device = args.path_to_model, args.device_name

    print("[ INFO ] OpenVINO:")
    print(f"[ INFO ] Build ................................. {ov.get_version()}")
    try:
        model = read_model_as_static(path)
        queue = create_queue(model, device)
    # OpenVINO raises RuntimeError, and UnicodeError where a path is not UTF-8.
    except (RuntimeError, UnicodeError) as error:
        message = f"[ ERROR ] Cannot run '{path}' on '{device}': {str(error).strip()}"
        available_devices = ov.Core().available_devices
        if device not in available_devices:
            message += f"\nAvailable devices: {available_devices}"
        sys.exit(message)

    fill_inputs(queue)
    is_stateful = len(model.get_sinks()) > 0  # sinks are operations that store a state
    try:
        latencies, duration = measure(queue, is_stateful)
    finally:
        wait_for_each(queue)
    report(latencies, duration)


if __name__ == "__main__":
    main()
