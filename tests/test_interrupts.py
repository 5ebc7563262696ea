"""Ctrl-C: a whole report of what completed, or nothing more; exit status 130."""

import sys

import pytest
from support import (
    ROOT,
    SCRIPT,
    STRICT_PYTHON,
    edited_script,
    parse_report,
    press_after,
    run,
    run_command,
    save_slow_model,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="send_signal sends no Ctrl-C on Windows"
)

CTRL_C = "signal.raise_signal(signal.SIGINT)"
IMPORT = ("import ctypes\n", "import ctypes\nimport signal\n")
RECORD = "latencies.append(request.latency)"


@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_the_measurement_ends_with_a_report(models_by_ms, tmp_path, milliseconds):
    say_so = f"(latencies or print('measuring', flush=True), {RECORD})"
    script = edited_script(tmp_path, (RECORD, say_so))
    command = [*STRICT_PYTHON, str(script), models_by_ms[milliseconds]]
    exit_status, stdout, stderr = press_after("measuring\n", command, seconds=0.3)
    assert (exit_status, stderr) == (130, "")
    figures = parse_report(stdout.replace("measuring\n", ""))
    assert figures["count"] >= 1
    assert 300 <= figures["duration"] < 10_000


@pytest.mark.parametrize("requests", [1, 2])
def test_no_inference_starts_after_it_but_the_one_being_started(
    models_by_ms, tmp_path, requests
):
    press = f"({RECORD}, {CTRL_C} if len(latencies) == 3 else None)"
    in_flight = ("INFER_REQUESTS = 0 ", f"INFER_REQUESTS = {requests} ")
    script = edited_script(tmp_path, IMPORT, in_flight, (RECORD, press))
    exit_status, stdout, stderr = run(models_by_ms[100], script=script)
    assert (exit_status, stderr) == (130, "")
    figures = parse_report(stdout)
    # Those in flight when the third completed have completed too, within the duration.
    assert 2 + requests <= figures["count"] <= 3 + requests
    latencies = figures["average"] * figures["count"]
    assert latencies <= requests * figures["duration"] + 0.1


def test_while_the_last_one_completes_it_ends_with_a_report(models_by_ms, tmp_path):
    # One to complete, and one that was started before that was seen and is waited for.
    press = f"({RECORD}, {CTRL_C} if len(latencies) == 2 else None)"
    script = edited_script(
        tmp_path,
        IMPORT,
        ("SECONDS_TO_RUN = 10 ", "SECONDS_TO_RUN = 0 "),
        ("MIN_ITERATIONS = 10 ", "MIN_ITERATIONS = 1 "),
        ("INFER_REQUESTS = 0 ", "INFER_REQUESTS = 1 "),
        (RECORD, press),
    )
    exit_status, stdout, stderr = run(models_by_ms[100], script=script)
    assert (exit_status, stderr) == (130, "")
    assert parse_report(stdout)["count"] == 2


# A function that the script calls, in which Ctrl-C is pressed.
PRESS = """
import signal
import sys
import time
import types

import openvino as ov
import throughput_benchmark

moment, model = sys.argv[1:]


def press(*_):
    signal.raise_signal(signal.SIGINT)


def start_and_press(queue):
    for _ in range(4):
        queue.start_async()
    press()


def look_and_press(number):
    looks = []

    def perf_counter():
        looks.append(time.perf_counter())
        if len(looks) == number:
            press()
        return looks[-1]

    return types.SimpleNamespace(perf_counter=perf_counter)


throughput_benchmark.INFER_REQUESTS = 8
match moment:
    case "reading":
        ov.Core.read_model = press
    case "compiling":
        ov.Core.compile_model = press
    case "filling":
        throughput_benchmark.fill_random = press
    case "warming up":
        throughput_benchmark.warm_up = start_and_press
    case "starting the clock":
        throughput_benchmark.time = look_and_press(1)
    case "before the first start":
        throughput_benchmark.time = look_and_press(2)
    case "after the first start":
        throughput_benchmark.time = look_and_press(3)
sys.exit(throughput_benchmark.main([model]))
"""


@pytest.mark.parametrize(
    "moment",
    [
        "reading",
        "compiling",
        "filling",
        "warming up",
        "starting the clock",
        "before the first start",
        "after the first start",
    ],
)
def test_before_an_inference_has_been_measured_it_ends_without_another_word(
    models_by_ms, moment
):
    command = [*STRICT_PYTHON, "-c", PRESS, moment, models_by_ms[100]]
    exit_status, stdout, stderr = run_command(command, ROOT)
    assert (exit_status, stderr) == (130, "")
    assert len(stdout.splitlines()) == 2


def test_a_user_presses_it_while_the_model_is_loaded(tmp_path):
    model = save_slow_model(tmp_path / "model.xml", 1000)
    command = [*STRICT_PYTHON, str(SCRIPT), model]
    exit_status, stdout, stderr = press_after("Build", command)
    assert (exit_status, stderr) == (130, "")
    assert len(stdout.splitlines()) == 2
