from collections.abc import Callable

import models
import pytest
import support

import throughput_benchmark


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function from the name of a network to its file, built once."""
    folder = tmp_path_factory.mktemp("networks")

    def network(name: str) -> str:
        path = folder / f"{name}.xml"
        return str(path) if path.exists() else models.write(name, folder)

    return network


@pytest.fixture
def measured(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> Callable[..., dict[str, float]]:
    """Return a function that runs main in this process and returns the report's figures."""

    def run_main(*arguments: str, seconds: float = 0.2) -> dict[str, float]:
        monkeypatch.setattr(throughput_benchmark, "SECONDS_TO_RUN", seconds)
        exit_status = throughput_benchmark.main(list(arguments))
        stdout, stderr = capfd.readouterr()
        assert (exit_status, stderr) == (0, "")
        figures = support.parse_report(stdout)
        support.assert_consistent(figures)
        return figures

    return run_main
