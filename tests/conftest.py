import statistics
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
) -> Callable[..., tuple[list[float], float]]:
    """Return a function that runs main in this process, with some constants replaced.

    It checks the ten lines and returns what they are of: latencies in ms, duration in s.
    """

    def run_main(*arguments: str, **constants: object) -> tuple[list[float], float]:
        measurements = []
        report = throughput_benchmark.report

        def record_and_report(latencies: list[float], duration: float) -> None:
            measurements.append((latencies, duration))
            report(latencies, duration)

        with monkeypatch.context() as patch:
            patch.setattr(throughput_benchmark, "report", record_and_report)
            for name, value in {"SECONDS_TO_RUN": 0.05, **constants}.items():
                patch.setattr(throughput_benchmark, name, value)
            exit_status = throughput_benchmark.main(list(arguments))
        stdout, stderr = capfd.readouterr()
        assert (exit_status, stderr) == (0, "")
        figures = support.parse_report(stdout)
        ((latencies, duration),) = measurements
        assert figures == {
            "count": len(latencies),
            "duration": pytest.approx(duration * 1000, abs=0.01),
            "median": pytest.approx(statistics.median(latencies), abs=0.01),
            "average": pytest.approx(statistics.mean(latencies), abs=0.01),
            "min": pytest.approx(min(latencies), abs=0.01),
            "max": pytest.approx(max(latencies), abs=0.01),
            "throughput": pytest.approx(len(latencies) / duration, abs=0.01),
        }
        return latencies, duration

    return run_main
