"""How benchmarks show what they measured."""

from __future__ import annotations

import pytest

from bench.report import Figure, spread, table


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        pytest.param(
            Figure("plan", "× bare", 2.345, 3.0, "×", "7 runs"),
            "PASS: plan: × bare 2.35×, target 3.00×  (7 runs)",
            id="ratio",
        ),
        pytest.param(
            Figure("plan", "requests", 6, 5), "over target: plan: requests 6, target 5", id="count"
        ),
        pytest.param(
            Figure("cycle", "CPU", 0.1504, 0.15, "s"),
            "over target: cycle: CPU 0.150 s, target 0.150 s",
            id="seconds",
        ),
        pytest.param(
            Figure("--version", "time", 41.7, 150, "ms"),
            "PASS: --version: time 42 ms, target 150 ms",
            id="milliseconds",
        ),
    ],
)
def test_a_figure_says_whether_its_target_is_met(figure: Figure, line: str) -> None:
    assert str(figure) == line


def test_the_table_is_markdown_with_a_row_for_each_figure() -> None:
    figures = [
        Figure("plan", "× bare", 2.5, 3.0, "×", "rmqsync 1.00 s"),
        Figure("plan", "requests", 6, 5),
    ]

    assert table(figures, "RabbitMQ 4.3.6") == (
        "RabbitMQ 4.3.6\n"
        "\n"
        "| case | figure | measured | target | | from |\n"
        "|---|---|---|---|---|---|\n"
        "| plan | × bare | 2.50× | ≤ 3.00× | PASS | rmqsync 1.00 s |\n"
        "| plan | requests | 6 | ≤ 5 | **over target** |  |\n"
    )


def test_a_spread_is_the_median_with_both_ends() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2.00 s [1.00–3.00]"
