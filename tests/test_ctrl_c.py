"""Ctrl-C: in the measurement it ends with a report, elsewhere as in any Python program."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from support import (
    SCRIPT,
    SECONDS_TO_WAIT,
    Run,
    command_with,
    edited_script,
    run_command,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Ctrl-C cannot be sent to one process"
)


CTRL_C = "[ INFO ] Ctrl-C has ended the measurement.\n"


def assert_ended_by_python(result: tuple[int, str, str]) -> None:
    exit_status, _, stderr = result
    assert exit_status == -signal.SIGINT, result
    assert stderr.endswith("KeyboardInterrupt\n")


def test_what_was_started_is_waited_for_and_no_more_is_started(models_by_ms, measured):
    # Three of the warm-up, and one more.
    press = 'call_after("start_async", 4, press_ctrl_c)'
    constants = {"SECONDS_TO_RUN": 60, "INFER_REQUESTS": 3}
    run = measured(models_by_ms[100], code=press, **constants)
    assert (run.count, run.said) == (1, CTRL_C)


@pytest.mark.parametrize(
    "method, number", [("__iter__", 1), ("set_callback", 1), ("start_async", 1)]
)
def test_before_the_measurement_it_ends_without_a_report(
    models_by_ms, tmp_path, method, number
):
    script = edited_script(tmp_path, SECONDS_TO_RUN=60, INFER_REQUESTS=4)
    press = f'call_after("{method}", {number}, press_ctrl_c)'
    result = run_command(command_with(press, script, models_by_ms[20]))
    assert_ended_by_python(result)
    assert "Throughput" not in result[1]


def press_after(seconds: float, command: list[str]) -> tuple[int, str, str]:
    """Press Ctrl-C so long after the script has said what it measures."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    limit = threading.Timer(SECONDS_TO_WAIT, process.kill)
    limit.start()
    line = process.stderr.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    limit.cancel()
    return process.returncode, stdout, line + stderr


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_a_user_presses_it_at_any_time_and_it_ends(models_by_ms, milliseconds):
    command = command_with("", SCRIPT, models_by_ms[milliseconds])
    for seconds in [0.01, 0.2, 2]:
        result = press_after(seconds, command)
        if result[0] != 0:
            assert_ended_by_python(result)
    # The last one came amid the measurement.
    run = Run(*result)
    assert run.said == CTRL_C
    assert 100 < run.figures["duration"] < 9000
