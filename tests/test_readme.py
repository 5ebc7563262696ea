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
    MEASURED,
    README,
    REPORT,
    ROOT,
    SCRIPT,
    edited_script,
    run_command,
    table,
)

COMMANDS = [text.splitlines() for language, text in BLOCKS if language == "sh"]
(EXAMPLE,) = [
    block for block in COMMANDS if "python tests/models.py googlenet-v1" in block
]
(TESTS,) = [block for block in COMMANDS if "python -m pytest" in block]


def test_the_output_is_one_of_the_example():
    (output,) = [text for language, text in BLOCKS if MEASURED.search(text)]
    assert output.splitlines()[2].startswith("[ INFO ] Devices: ")
    assert MEASURED.search(output)["line"] == "INPUT_SHAPES = {'data': '[1,3,224,224]'}"
    figures = REPORT.fullmatch(MEASURED.sub("", output)).groupdict()
    figures = {n: float(f) for n, f in figures.items() if n != "build"}
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert figures["min"] < figures["median"] < figures["max"]


def commands_to_run() -> list[str]:
    """Return all but those that set up an environment, need uv, or run pytest."""
    commands = [command for block in COMMANDS for command in block]
    others = [*EXAMPLE[:2], *TESTS, "uv run throughput_benchmark.py model.xml"]
    assert set(others) < set(commands)
    return [command for command in commands if command not in others]


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
        program, *arguments = shlex.split(command.replace("-t 10", "-t 1"))
        if program == "benchmark_app" and not shutil.which(program, path=path):
            # Where packages were unpacked without pip, there is no such command.
            program, *arguments = [
                sys.executable,
                "-c",
                compare.BENCHMARK_APP,
                *arguments,
            ]
        exit_status, stdout, stderr = run_command(
            [program, *arguments], tmp_path, environment
        )
        assert exit_status == 0, stderr
        outputs.append(stdout)
    measured = [output for output in outputs if "data f32" not in output]
    assert len(measured) == len(outputs) - 1 == 3
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
        (
            f"| throughput beside polling | {' | '.join(loops.NETWORKS)} |",
            ["the script", *loops.VARIANTS],
        ),
    ],
)
def test_a_table_is_one_of_a_comparison(header, names):
    rows = table(header)
    assert [row[0] for row in rows] == names
    for _, *cells in rows:
        assert len(cells) == header.count("|") - 2
        for cell in cells:
            ratio, low, high = re.findall(r"\d+\.\d\d", cell)
            assert cell == f"{ratio} ({low}-{high})"
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
