"""Ctrl-C: a whole report of what completed, or nothing more; exit status 130."""

import pytest
from support import (
    SCRIPT,
    STRICT_PYTHON,
    edited_script,
    parse_report,
    press_after,
    run,
    save_slow_model,
)

CTRL_C = "signal.raise_signal(signal.SIGINT)"
RECORD = "latencies.append(request.latency)"
MEASURE = "                measure(queue, latencies)\n"


@pytest.mark.parametrize(
    "presses",
    [(0.3,), (0.3, 0.001, 0.001), (0.3, 0.01, 0.02), (0.3, 0.05, 0.1)],
)
@pytest.mark.parametrize("milliseconds", [0.04, 2, 100])
def test_what_completed_is_reported(models_by_ms, tmp_path, milliseconds, presses):
    say_so = (
        MEASURE,
        f"                print('measuring', flush=True)\n{MEASURE}",
    )
    script = edited_script(tmp_path, say_so, SECONDS_TO_RUN=10)
    command = [*STRICT_PYTHON, str(script), models_by_ms[milliseconds]]
    exit_status, stdout, stderr = press_after("measuring\n", command, presses=presses)
    assert (exit_status, stderr) == (130, "")
    figures = parse_report(stdout.replace("measuring\n", ""))
    assert figures["count"] >= 1
    assert 290 <= figures["duration"] < 10_000


@pytest.mark.parametrize("requests", [1, 2])
def test_it_starts_no_other_inference(models_by_ms, tmp_path, requests):
    press = f"({RECORD}, {CTRL_C} if len(latencies) == 3 else None)"
    script = edited_script(
        tmp_path, (RECORD, press), SECONDS_TO_RUN=10, INFER_REQUESTS=requests
    )
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
    constants = {"SECONDS_TO_RUN": 0, "MIN_ITERATIONS": 1, "INFER_REQUESTS": 1}
    script = edited_script(tmp_path, (RECORD, press), **constants)
    exit_status, stdout, stderr = run(models_by_ms[100], script=script)
    assert (exit_status, stderr) == (130, "")
    assert parse_report(stdout)["count"] == 2


@pytest.mark.parametrize(
    "line",
    [
        "    model = core.read_model(path)\n",
        "        return core.compile_model(model, device, CONFIG)\n",
        "            fill_random(tensor)\n",
        "    queue.wait_all()\n",  # of the warm-up
        MEASURE,
    ],
    ids=["read", "compile", "fill", "warm up", "measure"],
)
def test_before_the_measurement_it_says_no_more(models_by_ms, tmp_path, line):
    indentation = line[: -len(line.lstrip())]
    edit = (f"\n{line}", f"\n{indentation}{CTRL_C}\n{line}")
    script = edited_script(tmp_path, edit, INFER_REQUESTS=8)
    exit_status, stdout, stderr = run(models_by_ms[20], script=script)
    assert (exit_status, stderr) == (130, "")
    assert len(stdout.splitlines()) == 2


def test_a_user_presses_it_while_the_model_is_loaded(tmp_path):
    model = save_slow_model(tmp_path / "model.xml", 1000)
    command = [*STRICT_PYTHON, str(SCRIPT), model]
    exit_status, stdout, stderr = press_after("Build", command)
    assert (exit_status, stderr) == (130, "")
    assert len(stdout.splitlines()) == 2
