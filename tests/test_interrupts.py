"""Ctrl-C: a whole report of what completed, or nothing more; exit status 130."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import (
    assert_consistent,
    edited_script,
    parse_report,
    requests_in_flight,
    run,
    save_slow_model,
    start,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="send_signal sends no Ctrl-C on Windows"
)


def interrupt(process: subprocess.Popen, times: int = 1) -> tuple[int, str, str]:
    """Press Ctrl-C so often, and return exit status, stdout and stderr."""
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    stdout, stderr = process.communicate(timeout=30)
    return process.returncode, stdout, stderr


def wait_for_build(process: subprocess.Popen) -> str:
    """Wait until the process is about to load the model, and return what it printed."""
    return process.stdout.readline() + process.stdout.readline()


@pytest.fixture(scope="module")
def models(tmp_path_factory, networks) -> dict[str, str]:
    """Models by the milliseconds, about, that an inference takes."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "0.03": networks("two-convolutions"),
        "2": save_slow_model(folder / "2.xml", 1),
        "100": save_slow_model(folder / "100.xml", 40),
    }


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("milliseconds", ["0.03", "2", "100"])
def test_the_measurement_ends_with_a_report(models, milliseconds, times):
    process = start(models[milliseconds])
    printed = wait_for_build(process)
    time.sleep(1.5)
    exit_status, stdout, stderr = interrupt(process, times)
    assert (exit_status, stderr) == (130, "")
    figures = parse_report(printed + stdout)
    assert_consistent(figures)
    assert figures["count"] >= 1
    assert figures["duration"] < 10_000


def test_no_inference_starts_after_it(models, tmp_path):
    append = "latencies.append(request.latency)"
    interrupt_after_third = "os.kill(os.getpid(), signal.SIGINT)"
    interrupt_after_third = (
        f"{append}\n            len(latencies) == 3 and {interrupt_after_third}"
    )
    script = edited_script(tmp_path, (append, interrupt_after_third))
    exit_status, stdout, stderr = run(models["100"], script=script)
    assert (exit_status, stderr) == (130, "")
    # The others in flight, when the third completed, have completed too.
    in_flight = requests_in_flight(models["100"])
    assert parse_report(stdout)["count"] == 3 + in_flight - 1


def test_before_loading_it_ends_the_process(tmp_path):
    process = start(save_slow_model(tmp_path / "model.xml", 500))
    printed = wait_for_build(process)
    assert printed.count("[ INFO ]") == 2
    assert interrupt(process) == (130, "", "")


def test_amid_the_warm_up_it_ends_the_process(tmp_path):
    # Loaded within a second, and warmed up for several.
    process = start(save_slow_model(tmp_path / "model.xml", 3, size=4096))
    wait_for_build(process)
    time.sleep(2)
    assert interrupt(process) == (130, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_amid_the_imports_it_ends_the_process(models):
    process = start(models["0.03"])
    loaded = Path(f"/proc/{process.pid}/maps")
    while "_multiarray_umath" not in loaded.read_text("utf-8"):
        time.sleep(0.001)
    assert interrupt(process) == (130, "", "")
