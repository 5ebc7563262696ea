"""Ctrl-C: a whole report of what completed, or nothing more; exit status 130."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import (
    SCRIPT,
    STRICT_PYTHON,
    edited_script,
    parse_report,
    run,
    save_slow_model,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="send_signal sends no Ctrl-C on Windows"
)

CTRL_C = "signal.raise_signal(signal.SIGINT)"
IMPORT = ("import ctypes\n", "import ctypes\nimport signal\n")
RECORD = "latencies.append(request.latency)"


@pytest.fixture(scope="module", autouse=True)
def ctrl_c_is_not_ignored() -> Iterator[None]:
    """Let processes take Ctrl-C also where the tests run in the background of a shell."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def press_after(
    line: str, model: str, script: Path = SCRIPT, seconds: float = 0
) -> tuple[int, str, str]:
    """Start the script as a user does, and press Ctrl-C some time after a line.

    Return exit status, stdout and stderr.
    """
    process = subprocess.Popen(
        [*STRICT_PYTHON, str(script), model],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    limit = threading.Timer(40, process.kill)
    limit.start()
    printed = ""
    while line not in printed and process.poll() is None:
        printed += process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    limit.cancel()
    return process.returncode, printed + stdout, stderr


@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_the_measurement_ends_with_a_report(models_by_ms, tmp_path, milliseconds):
    say_so = f"(latencies or print('measuring', flush=True), {RECORD})"
    script = edited_script(tmp_path, (RECORD, say_so))
    exit_status, stdout, stderr = press_after(
        "measuring\n", models_by_ms[milliseconds], script, seconds=0.3
    )
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


WARM_UP = "        start_async({}, None)\n    queue.wait_all()"


@pytest.mark.parametrize(
    "edit",
    [
        ("    model.reshape", f"    {CTRL_C}\n    model.reshape"),
        ("    return ov.Async", f"    {CTRL_C}\n    return ov.Async"),
        ("                    fill_", f"{20 * ' '}{CTRL_C}\n                    fill_"),
        # Four are in flight by then.
        (WARM_UP, WARM_UP.replace("\n", f"\n        _ == 3 and {CTRL_C}\n", 1)),
    ],
    ids=["reading", "compiling", "filling", "warming up"],
)
def test_before_the_measurement_it_ends_without_another_word(
    models_by_ms, tmp_path, edit
):
    eight = ("INFER_REQUESTS = 0 ", "INFER_REQUESTS = 8 ")
    script = edited_script(tmp_path, IMPORT, eight, edit)
    exit_status, stdout, stderr = run(models_by_ms[100], script=script)
    assert (exit_status, stderr) == (130, "")
    assert len(stdout.splitlines()) == 2


def test_a_user_presses_it_while_the_model_is_loaded(tmp_path):
    model = save_slow_model(tmp_path / "model.xml", 1000)
    exit_status, stdout, stderr = press_after("Build", model)
    assert (exit_status, stderr) == (130, "")
    assert len(stdout.splitlines()) == 2
