import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import models
import pytest
import support

import throughput_benchmark


@pytest.fixture(autouse=True)
def ctrl_c_as_python_has_it() -> Iterator[None]:
    """Take Ctrl-C, also in the background of a shell, and give it back after main."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)
    throughput_benchmark.interrupted = False


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function from the name of a network to its file, built once."""
    folder = tmp_path_factory.mktemp("networks")

    def network(name: str) -> str:
        path = folder / f"{name}.xml"
        return str(path) if path.exists() else models.write(name, folder)

    return network


@pytest.fixture(scope="session")
def models_by_ms(
    tmp_path_factory: pytest.TempPathFactory, networks: Callable[[str], str]
) -> dict[float, str]:
    """Models by the milliseconds, about, that an inference takes."""
    folder = tmp_path_factory.mktemp("models")
    return {
        0.04: networks("two-convolutions"),
        2: support.save_slow_model(folder / "2.xml", 1),
        20: support.save_slow_model(folder / "20.xml", 10),
        100: support.save_slow_model(folder / "100.xml", 80),
    }


@pytest.fixture
def measured(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> Callable[..., tuple[list[float], float]]:
    """Return a function that runs main in this process, with some constants replaced.

    It checks the ten lines, and on stderr the line of what is measured, after a warning
    if one is given. It returns what the lines are of: latencies in ms, duration in s.
    """

    def run_main(
        *arguments: str, warning: str = "", **constants: object
    ) -> tuple[list[float], float]:
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
        assert exit_status == 0, stderr
        assert stderr.startswith(warning)
        support.parse_measured(stderr.removeprefix(warning))
        ((latencies, duration),) = measurements
        assert support.parse_report(stdout)["count"] == len(latencies)
        return latencies, duration

    return run_main


@pytest.fixture
def fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, tmp_path: Path
) -> Callable[..., str]:
    """Return a function that runs main in tmp_path and returns its message, checked."""
    monkeypatch.chdir(tmp_path)

    def run_main(*arguments: str, **constants: object) -> str:
        with monkeypatch.context() as patch:
            for name, value in constants.items():
                patch.setattr(throughput_benchmark, name, value)
            exit_status = throughput_benchmark.main(list(arguments))
        return support.message_of((exit_status, *capfd.readouterr()), *arguments)

    return run_main
