"""README: its commands, its sample output, its table of OpenVINO's API and others hold."""

import ast
import os
import re
import shlex
import shutil
import sys
from functools import reduce
from pathlib import Path

import compare
import loops
import models
import openvino as ov
import pytest
from support import (
    BLOCKS,
    README,
    REPORT,
    ROOT,
    SCRIPT,
    edited_script,
    run_command,
    table,
)

COMMANDS = [text.splitlines() for language, text in BLOCKS if language == "sh"]
START, TESTS = COMMANDS[0], COMMANDS[-1]


def test_the_output_is_that_of_the_commands():
    (output,) = [text for language, text in BLOCKS if REPORT.search(text)]
    figures = REPORT.search(output).groupdict()
    figures = {n: float(f) for n, f in figures.items() if n != "build"}
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert figures["min"] < figures["median"] < figures["max"]


def commands_to_run() -> list[str]:
    """Return all commands but those that set up a virtual environment or run pytest."""
    commands = [command for block in COMMANDS for command in block]
    return [command for command in commands if command not in [*START[:2], *TESTS]]


@pytest.mark.slow
def test_the_commands_run_in_their_order(tmp_path, networks):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=ignored)
    edited_script(tmp_path)
    model = Path(networks("two-convolutions"))
    for suffix in [".xml", ".bin"]:
        shutil.copy(model.with_suffix(suffix), tmp_path / f"model{suffix}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    outputs = []
    for command in commands_to_run():
        exit_status, stdout, stderr = run_command(
            shlex.split(command.replace("-t 10", "-t 1")), tmp_path, environment
        )
        assert exit_status == 0, stderr
        outputs.append(stdout)
    built, *measured = outputs
    assert built in README
    assert len(measured) == 3
    for output in measured:
        assert re.search(r"Throughput: +\d+\.\d\d FPS\n", output)


def test_the_tables_command_of_benchmark_app_is_the_one_that_is_shown():
    assert [f"benchmark_app -m model.xml {compare.OPTIONS}"] in COMMANDS


def test_a_program_that_readme_names_is_there():
    for command in re.findall(r"`python (\S+\.py)", README):
        if "<" not in command:
            assert (ROOT / command).exists(), command


def api_of_the_table() -> list[str]:
    rows = table("| Feature | API | Description |")
    return [name for row in rows for name in re.findall("`openvino\\.([^`]*)`", row[1])]


def test_the_table_of_the_api_is_what_the_script_calls():
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    attributes = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    names = api_of_the_table()
    assert len(names) == len(set(names))
    for name in names:
        assert name.split(".")[-1] in attributes, name
    # What else the script calls is not OpenVINO's.
    shown = {name.split(".")[-1] for name in names}
    classes = {name.split(".")[0] for name in names if "." in name}
    if hasattr(ov, "Output"):  # not in older releases
        for name in names:
            assert reduce(getattr, name.split("."), ov), name
        others = attributes - shown
        for class_name in classes:
            assert not others & set(vars(getattr(ov, class_name))), class_name


@pytest.mark.parametrize(
    "header, names",
    [
        (compare.HEADER, list(models.NETWORKS)),
        *[
            (f"| throughput beside {base} | {' | '.join(loops.NETWORKS)} |", names)
            for base, names in loops.COMPARED.items()
        ],
    ],
)
def test_a_table_is_one_of_a_comparison(header, names):
    rows = table(header)
    assert [row[0] for row in rows] == names
    for row in rows:
        ratios = re.findall(r"([\d.]+)(?: \(|\|)([\d.]+) to ([\d.]+)", "|".join(row))
        assert len(ratios) == (1 if header == compare.HEADER else 3)
        for ratio, low, high in ratios:
            assert float(low) <= float(ratio) <= float(high)


def test_the_releases_are_those_that_are_required():
    (oldest, excluded), *_ = re.findall(
        r"(\d{4}\.\d) to \S+, but not (\d{4}\.\d),", README
    )
    requirements = (ROOT / "requirements.txt").read_text("utf-8")
    assert f"openvino>={oldest},!={excluded}.*\n" in requirements
    assert f'"openvino=={oldest}.*"' in (ROOT / ".ci" / "run").read_text("utf-8")


def test_links_within_the_repository_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
    for link in re.findall(r"\]\(([^)]*)\)", README):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link
