"""The comparisons: their tables, their progress, and what they say of a failed run."""

import re
import subprocess
from functools import partial

import compare
import loops
import models
import pytest
from support import SECONDS_TO_WAIT, edited_script, shortened


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.fixture
def quick(tmp_path, monkeypatch) -> None:
    """Let a comparison take one short pair."""
    monkeypatch.setattr(compare, "SCRIPT", shortened(edited_script(tmp_path)))
    monkeypatch.setattr(compare, "PAIRS", 1)
    monkeypatch.setattr(compare, "SECONDS", 1)
    run = partial(subprocess.run, timeout=SECONDS_TO_WAIT)
    monkeypatch.setattr(subprocess, "run", run)


def test_a_row_beside_benchmark_app_is_the_one_known_by_hand(monkeypatch, capfd):
    # By pair; the medians are 110 and 100.
    figures = {
        "ours": iter([110, 90, 120, 130, 80]),
        "theirs": iter([100, 90, 100, 100, 160]),
    }
    calls = []

    def measure(command: list[str]) -> float:
        calls.append("theirs" if "benchmark" in command[1] else "ours")
        return next(figures[calls[-1]])

    monkeypatch.setattr(compare, "measure", measure)
    monkeypatch.setattr(compare, "PAIRS", 5)
    compare.main(["folder/some model.xml"])
    # Each comes first in every other pair.
    assert calls == ["ours", "theirs", "theirs", "ours"] * 2 + ["ours", "theirs"]
    stdout, stderr = capfd.readouterr()
    assert stderr.splitlines() == [f"some model: pair {i} of 5" for i in range(1, 6)]
    header, rule, row = stdout.splitlines()
    assert header == compare.HEADER
    assert len(cells(rule)) == len(cells(header))
    assert row == "| some model | 110.00 | 100.00 | 1.100 | 1.000 to 1.200 |"


def test_all_networks_are_compared_by_default(monkeypatch, capfd):
    monkeypatch.setattr(models, "write", lambda name, folder: f"{name}.xml")
    monkeypatch.setattr(compare, "measure", lambda command: 1.0)
    compare.main([])
    rows = capfd.readouterr().out.splitlines()[2:]
    assert [cells(row)[0] for row in rows] == list(models.NETWORKS)


@pytest.mark.usefixtures("quick")
def test_a_model_is_compared_with_benchmark_app(networks, monkeypatch, capfd):
    printed = []
    run = subprocess.run

    def run_and_record(*arguments: object, **options: object):
        result = run(*arguments, **options)
        printed.append(result.stdout)
        return result

    monkeypatch.setattr(subprocess, "run", run_and_record)
    compare.main([networks("face-detection-0200")])
    row = capfd.readouterr().out.splitlines()[-1]
    assert cells(row)[0] == "face-detection-0200"
    ours, theirs, ratio = cells(row)[1:4]
    assert f"[ INFO ] Throughput: {ours} FPS\n" in printed[0]
    assert "PERFORMANCE_HINT: THROUGHPUT\n" in printed[1]
    assert re.search(rf"Throughput: +{theirs} FPS\n", printed[1])
    assert float(ratio) == pytest.approx(float(ours) / float(theirs), abs=0.001)


@pytest.mark.usefixtures("quick")
def test_a_failure_of_the_script_ends_the_comparison():
    with pytest.raises(SystemExit) as exit_info:
        compare.main(["missing.xml"])
    message = exit_info.value.code
    assert "[ ERROR ] Cannot run 'missing.xml' on 'CPU'" in message
    assert "exit status 1: " in message


@pytest.mark.usefixtures("quick")
def test_a_failure_of_benchmark_app_ends_the_comparison(networks, monkeypatch):
    monkeypatch.setattr(compare, "BENCHMARK_APP", "raise SystemExit('out of order')")
    with pytest.raises(SystemExit) as exit_info:
        compare.main([networks("two-convolutions")])
    assert "out of order" in exit_info.value.code
    assert "exit status 1: " in exit_info.value.code


def test_a_row_beside_polling_is_the_one_known_by_hand(networks, monkeypatch, capfd):
    def loop(latency: float, *counts: int) -> loops.Loop:
        results = iter([([latency] * count, 2.0) for count in counts])
        return lambda queue: next(results)

    # By round; the medians are 100 and 110 in a second.
    polling = loop(2.0, 200, 180, 200, 200, 320)
    monkeypatch.setattr(loops, "polling_loop", polling)
    for name in ["script_loop", "application_loop"]:
        monkeypatch.setattr(loops, name, lambda *_: loop(2.5, 220, 180, 240, 260, 160))
    monkeypatch.setattr(loops, "ROUNDS", 5)
    loops.main([networks("two-convolutions")])
    rows = capfd.readouterr().out.splitlines()[2:-1]
    assert rows == [
        "| polling | 100.00 | 2.000 | 1.000 | 1.000 to 1.000 |",
        *[
            f"| {name} | 110.00 | 2.500 | 1.100 | 1.000 to 1.200 |"
            for name in list(loops.LOOPS)[1:]
        ],
    ]


def test_the_loops_are_compared_with_polling(monkeypatch, capfd):
    monkeypatch.setattr(loops, "ROUNDS", 2)
    monkeypatch.setattr(loops, "SECONDS", 0.1)
    loops.main(["two-convolutions"])
    stdout, stderr = capfd.readouterr()
    assert stderr.splitlines()[-1] == "two-convolutions: round 2 of 2"
    header, rule, *rows, blank = stdout.splitlines()
    assert header == f"| two-convolutions | {loops.COLUMNS} |"
    assert len(cells(rule)) == len(cells(header))
    assert not blank
    rows = [cells(row) for row in rows]
    assert [row[0] for row in rows] == list(loops.LOOPS)
    polling = float(rows[0][1])
    for _, throughput, median, ratio, _ in rows:
        assert float(throughput) > 0
        assert float(median) > 0
        assert float(ratio) == pytest.approx(float(throughput) / polling, abs=0.001)
