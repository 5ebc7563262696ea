"""Usage: both arguments, what the chosen device is asked for, and what the file needs."""

import re

import pytest
from support import ROOT, SCRIPT, edited_script, parse_measured, parse_report, run

import throughput_benchmark

OTHERS = ["AUTO", "MULTI:CPU", "HETERO:CPU"]


@pytest.mark.parametrize(
    "device",
    [None, "CPU", *[pytest.param(name, marks=pytest.mark.slow) for name in OTHERS]],
)
def test_the_device_is_asked_for_throughput(networks, tmp_path, device):
    model = networks("face-detection-0200")
    arguments = [model, device] if device else [model]
    exit_status, stdout, stderr = run(*arguments, script=edited_script(tmp_path))
    assert exit_status == 0
    parse_report(stdout)
    shown = parse_measured(stderr)
    if device != "AUTO":  # which may find another
        assert shown["devices"] == "CPU"
    queue = throughput_benchmark.create_queue(model, device or "CPU")
    assert int(shown["requests"]) == len(queue)
    # HETERO does not tell the hint.
    if device != "HETERO:CPU":
        compiled_model = queue[0].get_compiled_model()
        hint = str(compiled_model.get_property("PERFORMANCE_HINT"))
        assert hint.removeprefix("PerformanceMode.") == "THROUGHPUT"


def test_a_user_calls_it_wrongly_or_asks_for_help(tmp_path):
    usage = "usage: throughput_benchmark.py [-h] path_to_model [device_name]\n"
    for arguments in [[], ["model.xml", "CPU", "10"], ["model.xml", "-d"]]:
        exit_status, stdout, stderr = run(*arguments)
        assert (exit_status, stdout) == (2, "")
        assert stderr.startswith(usage)
    script = edited_script(tmp_path, SECONDS_TO_RUN=37)
    exit_status, stdout, stderr = run("--help", script=script)
    assert (exit_status, stderr) == (0, "")
    assert stdout.startswith(usage)
    for words in ["inferences per second", "37 seconds", "constants at the top"]:
        assert words in " ".join(stdout.split())


def test_the_file_alone_names_the_requirements():
    # Inline script metadata, PEP 723. Python 3.10 has no tomllib to read it.
    source = SCRIPT.read_text("utf-8")
    (block,) = re.findall(r"^# /// script\n((?:#.*\n)*?)# ///\n", source, re.MULTILINE)
    assert '# requires-python = ">=3.10"\n' in block
    (dependencies,) = re.findall(r"^# dependencies = \[(.*)\]", block, re.MULTILINE)
    requirements = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert re.findall('"(.*?)"', dependencies) == requirements
