"""The comparisons: their tables, their progress, and what they say of a failed run."""

import re

import compare
import loops
import pytest
from support import edited_script


@pytest.fixture
def quick(tmp_path, monkeypatch) -> None:
    """Let a comparison take one short pair."""
    monkeypatch.setattr(compare, "SCRIPT", edited_script(tmp_path))
    monkeypatch.setattr(compare, "PAIRS", 1)
    monkeypatch.setattr(compare, "OPTIONS", compare.OPTIONS.replace("10", "1"))


def test_a_ratio_is_the_median_of_pairs_with_their_middle_half():
    ours, theirs = [110, 90, 120, 130, 80], [100, 90, 100, 100, 160]
    assert compare.ratio_of(ours, theirs) == "1.10 (1.00-1.20)"


def test_each_comes_first_in_every_other_pair(monkeypatch, capfd):
    calls = []

    def measure(command: list[str]) -> float:
        calls.append("theirs" if "benchmark" in command[1] else "ours")
        return 1

    monkeypatch.setattr(compare, "measure", measure)
    monkeypatch.setattr(compare, "PAIRS", 3)
    compare.main(["folder/some model.xml"])
    assert calls == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    stdout, stderr = capfd.readouterr()
    assert stderr.splitlines() == [f"some model: pair {i} of 3" for i in range(1, 4)]
    assert stdout.splitlines()[0] == compare.HEADER


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
    assert row.startswith(f"| face-detection-0200 | {ours / theirs:.2f} (")
    assert 0.2 < ours / theirs < 5


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_failure_of_either_ends_the_comparison(networks, monkeypatch):
    with pytest.raises(SystemExit, match="Cannot run 'missing.xml' on 'CPU'"):
        compare.main(["missing.xml"])
    monkeypatch.setattr(compare, "BENCHMARK_APP", "raise SystemExit('out of order')")
    with pytest.raises(SystemExit, match=r"(?s)out of order.*exit status 1: "):
        compare.main([networks("two-convolutions")])


@pytest.mark.slow
def test_the_loops_are_compared(networks, monkeypatch, capfd):
    monkeypatch.setattr(loops, "ROUNDS", 2)
    monkeypatch.setattr(loops, "SECONDS", 0.1)
    loops.main(["two-convolutions", networks("face-detection-0200")])
    header, rule, *rows = capfd.readouterr().out.splitlines()
    names = ["two-convolutions", "face-detection-0200"]
    assert header == f"| throughput beside polling | {' | '.join(names)} |"
    assert rule == "|---|---|---|"
    ratio = r"\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\)"
    for row, name in zip(rows, ["the script", *loops.VARIANTS], strict=True):
        assert re.fullmatch(rf"\| {name} \| {ratio} \| {ratio} \|", row)


def test_a_loop_is_compared_with_polling(monkeypatch):
    monkeypatch.setattr(loops, "ROUNDS", 1)
    polling, script = ([2.5] * 200, 2.0), ([2.5] * 210, 1.5)
    table = loops.measure(
        {"polling": lambda: polling, "the script": lambda: script}, ""
    )
    assert table == {"the script": "1.40 (1.40-1.40)"}
