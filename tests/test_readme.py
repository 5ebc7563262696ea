"""README: its commands, its output, its edits and its table of OpenVINO's API hold."""

import ast
import os
import re
import shlex
import shutil
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from support import (
    BLOCKS,
    MEASURED,
    README,
    REPORT,
    ROOT,
    SCRIPT,
    Run,
    command_with,
    edited_script,
    message_of,
    run,
    run_command,
    save_sum_of_each,
    traceback_of,
)

COMMANDS = [text.splitlines() for language, text in BLOCKS if language == "sh"]
(EXAMPLE,) = [
    block for block in COMMANDS if "python tests/models.py googlenet-v1" in block
]
(TESTS,) = [block for block in COMMANDS if "python -m pytest" in block]


def edit_of(word: str) -> tuple[str, str]:
    """Return the old lines and the new of README's one diff with this word."""
    (diff,) = [text for language, text in BLOCKS if language == "diff" and word in text]
    old, new = (
        "".join(line[1:] for line in diff.splitlines(True) if line[0] in signs)
        for signs in [" -", " +"]
    )
    return old, new


def test_the_output_is_one_of_the_example():
    (output,) = [text for _, text in BLOCKS if REPORT.fullmatch(MEASURED.sub("", text))]
    measured = MEASURED.search(output)
    assert measured["line"] == "INPUT_SHAPES = {'data': '[1,3,224,224]'}"
    figures = REPORT.fullmatch(MEASURED.sub("", output)).groupdict()
    figures = {n: float(f) for n, f in figures.items() if n != "build"}
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert figures["count"] % int(measured["requests"]) == 0
    assert figures["min"] < figures["median"] < figures["max"]


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
    # All but those that set up an environment or run these tests.
    commands = [command for block in COMMANDS for command in block]
    commands = [c for c in commands if c not in [*EXAMPLE[:2], *TESTS]]
    assert len(commands) == 4
    outputs = []
    for command in commands:
        program, *arguments = shlex.split(command.replace("-t 10", "-t 1"))
        found = shutil.which(program, path=path)
        assert found, program
        exit_status, stdout, stderr = run_command(
            [found, *arguments], tmp_path, environment
        )
        assert exit_status == 0, stderr
        outputs.append(stdout)
    measured = [output for output in outputs if "data f32" not in output]
    assert len(measured) == 3
    for output in measured:
        assert re.search(r"Throughput: +\d+\.\d\d FPS\n", output)


def test_what_readme_names_is_there():
    for command in re.findall(r"`python (tests/\S+\.py)", README):
        assert (ROOT / command).exists(), command
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]*)\)", README):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link


def test_the_table_of_the_api_is_what_the_script_calls():
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    attributes = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    (text,) = re.findall(
        r"^\| Feature \| API .*?\n\n", README, re.MULTILINE | re.DOTALL
    )
    names = re.findall("`openvino\\.([^`]*)`", text)
    assert len(names) == len(set(names))
    shown = {name.split(".")[-1] for name in names}
    assert shown <= attributes
    if hasattr(ov, "Output"):  # not in older releases
        for name in names:
            assert reduce(getattr, name.split("."), ov), name
        # What else the script calls is not OpenVINO's.
        for class_name in {name.split(".")[0] for name in names if "." in name}:
            others = (attributes - shown) & set(vars(getattr(ov, class_name)))
            assert not others, class_name


def test_the_releases_are_those_that_are_required():
    (oldest, excluded), *_ = re.findall(
        r"(\d{4}\.\d) to \S+, but not (\d{4}\.\d),", README
    )
    requirements = (ROOT / "requirements.txt").read_text("utf-8")
    assert f"openvino>={oldest},!={excluded}.*\n" in requirements
    assert f'"openvino=={oldest}.*"' in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_error_is_the_one_of_a_detector_and_its_line_is_filled_in(tmp_path):
    save_sum_of_each(tmp_path / "model.xml", {"images": "[?,3,?,?]"})
    message = message_of(run("model.xml", cwd=tmp_path), "model.xml")
    start = "[ ERROR ] Cannot run 'model.xml' on 'CPU' (available: ['CPU']): "
    assert f"```text\n{start}{message}```" in README
    (shape,) = re.findall(r"such as `(\[1,3,.*?\])`", README)
    script = edited_script(tmp_path, INPUT_SHAPES={"images": shape})
    assert Run(*run("model.xml", script=script, cwd=tmp_path)).shapes == {
        "images": shape
    }


# What README says of an edit of the constants, and a property or a figure that shows it.
SETTINGS = {
    "A batch of 8": "print(queue[0].input_tensors[0].shape[0] == 8)",
    "f32 in place": "print(get('INFERENCE_PRECISION_HINT') == ov.Type.f32)",
    "One thread": "print(get('NUM_STREAMS') == 1)",
}


@pytest.mark.slow
@pytest.mark.parametrize("words", SETTINGS)
def test_a_setting_does_what_it_is_for(tmp_path, networks, words):
    (item,) = re.findall(rf"^- {words}.*?(?=^-|\n\n)", README, re.MULTILINE | re.DOTALL)
    constants = {
        name: ast.literal_eval(value)
        for name, value in re.findall(r"`([A-Z_]+) = ([^`]*)`", item)
    }
    for name, value in re.findall(r"add `(\"\w+\"): ([^`]*)` to `CONFIG`", item):
        constants["CONFIG"] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            ast.literal_eval(name): ast.literal_eval(value),
        }
    assert constants
    code = f"""
def show(queue):
    get = queue[0].get_compiled_model().get_property
    print("it is so:", end=" ")
    {SETTINGS[words]}
call_after("wait_all", 1, show)
"""
    script = edited_script(tmp_path, **constants)
    command = command_with(code, script, networks("googlenet-v1"))
    exit_status, stdout, stderr = run_command(command)
    assert exit_status == 0, stderr
    assert re.search(r"^it is so:( True)+$", stdout, re.MULTILINE)


@pytest.mark.slow
def test_all_devices_of_auto_measure_at_once(tmp_path, networks, slow_device):
    config = {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT"}
    assert f"`CONFIG = {config}`".replace("'", '"') in README
    script = edited_script(tmp_path, CONFIG=config)
    model = networks("two-convolutions")
    command = command_with(slow_device, script, model, "AUTO:SLOW,CPU")
    assert Run(*run_command(command)).devices == "['SLOW', 'CPU']"


@pytest.mark.parametrize("shape", [[1, 3, 16, 16], [3, 16, 16], [16, 16]])
def test_own_data_is_what_is_inferred_and_a_smaller_array_is_repeated(
    tmp_path, networks, shape
):
    image = np.random.default_rng(1).random(shape, np.float32)
    np.save(tmp_path / "image.npy", image)
    script = edited_script(tmp_path, edit_of("image.npy"))
    code = """
def show(queue):
    image = np.load("image.npy")
    for request in queue:
        assert (request.input_tensors[0].data == image).all()
    print("compared", file=sys.stderr)
call_after("set_callback", 1, show)
"""
    command = command_with(code, script, networks("two-convolutions"))
    exit_status, _, stderr = run_command(command, tmp_path)
    assert exit_status == 0, stderr
    assert "compared" in stderr


@pytest.mark.parametrize("shape", [[16, 16, 3], None], ids=["misfit", "no file"])
def test_own_data_that_does_not_fit_shows_the_line(tmp_path, networks, shape):
    if shape:
        np.save(tmp_path / "image.npy", np.zeros(shape, np.float32))
    script = edited_script(tmp_path, edit_of("image.npy"))
    result = run(networks("two-convolutions"), script=script, cwd=tmp_path)
    text = traceback_of(result)
    assert "tensor.data[...] = np.load(file)" in text
    assert ("ValueError: could not" if shape else "'image.npy'\n") in text


@pytest.mark.slow
def test_the_script_is_compared_with_benchmark_app(tmp_path, networks):
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    edited_script(tmp_path)
    program = tmp_path / "tests" / "compare.py"
    source = program.read_text("utf-8").replace("-t 10", "-t 1")
    program.write_text(source.replace("PAIRS = 5", "PAIRS = 2"), "utf-8")
    exit_status, stdout, stderr = run_command(
        [sys.executable, str(program), networks("face-detection-0200")]
    )
    assert exit_status == 0, stderr
    assert re.findall(r"pair (\d) of 2", stderr) == ["1", "2"]
    ratio = re.fullmatch(
        r"face-detection-0200: (\d\.\d\d) \(\d\.\d\d-\d\.\d\d\) of benchmark_app\n",
        stdout,
    )
    assert 0.2 < float(ratio[1]) < 5
    exit_status, stdout, stderr = run_command(
        [sys.executable, str(program), "missing.xml"]
    )
    assert (exit_status, stdout) == (1, "")
    assert "Cannot run 'missing.xml' on 'CPU'" in stderr
