"""The comparisons: their tables, their progress, and what they say of a failed run."""

import re

import compare
import loops
import pytest
from support import edited_script


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.fixture
def quick(tmp_path, monkeypatch) -> None:
    """Let a comparison take one short pair."""
    monkeypatch.setattr(compare, "SCRIPT", edited_script(tmp_path))
    monkeypatch.setattr(compare, "PAIRS", 1)
    monkeypatch.setattr(compare, "OPTIONS", compare.OPTIONS.replace("10", "1"))


def test_a_row_beside_benchmark_app_is_the_one_known_by_hand(monkeypatch, capfd):
    # By pair.
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


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_model_is_compared_with_benchmark_app(networks, monkeypatch, capfd):
    figures = []
    measure = compare.measure

    def measure_and_record(command: list[str]) -> float:
        figures.append(measure(command))
        return figures[-1]

    monkeypatch.setattr(compare, "measure", measure_and_record)
    compare.main([networks("face-detection-0200")])
    row = capfd.readouterr().out.splitlines()[-1]
    ours, theirs = figures
    assert row.startswith(f"| face-detection-0200 | {ours:.2f} | {theirs:.2f} | ")
    assert 0.2 < ours / theirs < 5


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_failure_of_either_ends_the_comparison(networks, monkeypatch):
    with pytest.raises(SystemExit, match="Cannot run 'missing.xml' on 'CPU'"):
        compare.main(["missing.xml"])
    monkeypatch.setattr(compare, "BENCHMARK_APP", "raise SystemExit('out of order')")
    with pytest.raises(SystemExit, match=r"(?s)out of order.*exit status 1: "):
        compare.main([networks("two-convolutions")])


def test_a_cell_beside_polling_is_the_one_known_by_hand(monkeypatch, capfd):
    def loop(*counts: int) -> loops.Loop:
        results = iter([([2.5] * count, 2.0) for count in counts])
        return lambda: next(results)

    # By round.
    loops_by_name = {
        "polling": loop(200, 180, 200, 200, 320),
        "the script": loop(220, 180, 240, 260, 160),
    }
    monkeypatch.setattr(loops, "ROUNDS", 5)
    monkeypatch.setattr(loops, "COMPARED", {"polling": ["the script"]})
    cells_by_name = loops.measure(loops_by_name, "some model")
    assert cells_by_name == {"the script": "1.10 (1.00 to 1.20)"}
    assert capfd.readouterr().err.splitlines()[-1] == "some model: round 5 of 5"


@pytest.mark.slow
def test_the_loops_are_compared(networks, monkeypatch, capfd):
    monkeypatch.setattr(loops, "ROUNDS", 2)
    monkeypatch.setattr(loops, "SECONDS", 0.1)
    loops.main(["two-convolutions", networks("face-detection-0200")])
    tables = capfd.readouterr().out.split("\n\n")[:-1]
    assert len(tables) == len(loops.COMPARED)
    for text, (base, names) in zip(tables, loops.COMPARED.items(), strict=True):
        header, rule, *rows = [cells(row) for row in text.splitlines()]
        columns = ["two-convolutions", "face-detection-0200"]
        assert header == [f"throughput beside {base}", *columns]
        assert len(rule) == len(header)
        assert [name for name, *_ in rows] == names
        for _, *ratios in rows:
            for ratio in ratios:
                assert re.fullmatch(r"\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)", ratio)
