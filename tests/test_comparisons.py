"""The comparisons: their tables, their progress, and what they say of a failed run."""

import compare
import loops
import models
import pytest
from support import requests_in_flight, short_script


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.fixture
def quick(tmp_path, monkeypatch) -> None:
    """Let a comparison take one short pair."""
    monkeypatch.setattr(compare, "SCRIPT", short_script(tmp_path))
    monkeypatch.setattr(compare, "PAIRS", 1)
    monkeypatch.setattr(compare, "SECONDS", 1)


@pytest.mark.usefixtures("quick")
def test_the_validated_networks_are_compared_with_benchmark_app(capfd):
    compare.main([])
    stdout, stderr = capfd.readouterr()
    names = list(models.VALIDATED)
    assert stderr.splitlines() == [f"{name}: pair 1 of 1" for name in names]
    header, rule, *rows = stdout.splitlines()
    assert header == compare.HEADER
    assert len(cells(header)) == len(cells(rule)) == 7
    assert [cells(row)[0] for row in rows] == names
    for row in rows:
        ours, _, theirs, _, ratio = map(float, cells(row)[1:6])
        assert ratio == pytest.approx(ours / theirs, rel=0.01)
        assert 0.3 < ratio < 3


@pytest.mark.usefixtures("quick")
def test_any_model_is_compared_also_one_of_microseconds(networks, capfd):
    model = networks("two-convolutions")
    compare.main([model])
    name, *figures, _ = cells(capfd.readouterr().out.splitlines()[-1])
    assert name == "two-convolutions"
    ours, our_median, theirs, their_median, _ = map(float, figures)
    # Little's law, roughly, because it holds of the average latency.
    for throughput, median in [(ours, our_median), (theirs, their_median)]:
        assert 0.3 < throughput * median / 1000 / requests_in_flight(model) < 1.3


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


def test_the_loops_are_compared_with_polling(monkeypatch, capfd):
    monkeypatch.setattr(loops, "ROUNDS", 2)
    monkeypatch.setattr(loops, "SECONDS", 0.1)
    loops.main(["two-convolutions"])
    stdout, stderr = capfd.readouterr()
    assert stderr.splitlines()[-1] == "two-convolutions: round 2 of 2"
    rows = [cells(row) for row in stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == ["polling", *loops.VARIANTS]
    assert rows[0][4] == "1.000"
    for row in rows:
        assert float(row[2]) > 1000
        assert 0 < float(row[3]) < 1
        assert 0.2 < float(row[4]) < 5
