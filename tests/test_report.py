"""The ten lines: their text, and figures that are known by hand."""

import pytest
from support import parse_measured, parse_report, run

import throughput_benchmark

EVEN = (
    [9.5, 1.0, 3.0, 2.5],
    2.0,
    """\
[ INFO ] Count:          4 iterations
[ INFO ] Duration:       2000.00 ms
[ INFO ] Latency:
[ INFO ]     Median:     2.75 ms
[ INFO ]     Average:    4.00 ms
[ INFO ]     Min:        1.00 ms
[ INFO ]     Max:        9.50 ms
[ INFO ] Throughput: 2.00 FPS
""",
)
ODD = (
    [0.254, 12.0, 0.5, 0.3, 1234.5678],
    0.0125,
    """\
[ INFO ] Count:          5 iterations
[ INFO ] Duration:       12.50 ms
[ INFO ] Latency:
[ INFO ]     Median:     0.50 ms
[ INFO ]     Average:    249.52 ms
[ INFO ]     Min:        0.25 ms
[ INFO ]     Max:        1234.57 ms
[ INFO ] Throughput: 400.00 FPS
""",
)


@pytest.mark.parametrize("latencies, duration, text", [EVEN, ODD], ids=["even", "odd"])
def test_each_figure_is_the_one_known_by_hand(capsys, latencies, duration, text):
    throughput_benchmark.report(latencies, duration)
    assert capsys.readouterr().out == text


@pytest.mark.slow
def test_a_user_measures_googlenet_for_ten_seconds(networks):
    model = networks("googlenet-v1")
    exit_status, stdout, stderr = run(model)
    assert exit_status == 0
    shown = parse_measured(stderr)
    assert shown["devices"] == "CPU"
    assert shown["line"] == "INPUT_SHAPES = {'data': '[1,3,224,224]'}"
    figures = parse_report(stdout)
    throughput = figures["count"] / figures["duration"] * 1000
    assert figures["throughput"] == pytest.approx(throughput, abs=0.01)
    assert 10_000 <= figures["duration"] < 12_000
    # Little's law: latency and throughput tell one story.
    in_flight = figures["average"] * figures["throughput"] / 1000
    assert 0.75 <= in_flight / int(shown["requests"]) <= 1.03
