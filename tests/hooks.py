"""What happens in the middle of a run: tests change OpenVINO's calls, not the script's text."""

import runpy
import signal
import sys
from collections.abc import Callable

import openvino as ov


def press_ctrl_c(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def with_a_call_before(method: Callable, function: Callable) -> Callable:
    """Return a method that calls a function first, with the same arguments."""

    def call_both(*arguments: object, **keywords: object) -> object:
        function(*arguments, **keywords)
        return method(*arguments, **keywords)

    return call_both


def set_callback_with(
    function: Callable[[int, int, ov.InferRequest], object],
) -> Callable:
    """Return a set_callback that also calls function(phase, count, request) after each.

    The phase is 0 for the callback that is set first, the warm-up's, and 1 for the next;
    the count is that of the completed inferences, from 1.
    """
    set_callback = ov.AsyncInferQueue.set_callback
    phases = []

    def set_longer_callback(queue: ov.AsyncInferQueue, callback: Callable) -> None:
        phase = len(phases)
        phases.append(callback)
        count = 0

        def call_both(request: ov.InferRequest, userdata: object) -> None:
            nonlocal count
            callback(request, userdata)
            count += 1
            function(phase, count, request)

        set_callback(queue, call_both)

    return set_longer_callback


def run_script() -> None:
    """Run the script that the first argument names, as python does."""
    sys.argv.pop(0)
    runpy.run_path(sys.argv[0], run_name="__main__")
