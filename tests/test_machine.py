"""What the Snakefile asks of the machine and of its command line."""

import pytest

from qdot.machine import spoken_of

SUITES = ("quick", "tiny", "shift")


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("snakemake -n quick", ["quick"]),
        ("snakemake --cores all", []),
        ("snakemake --cores 2 results/tiny/compare/scores.csv", ["tiny"]),
        ("snakemake quick_report_all tiny", ["quick", "tiny"]),
        ("snakemake --config suite=shift", ["shift"]),
        ("snakemake quicker makeshift", []),
        ("snakemake --lint", ["quick", "tiny", "shift"]),
        ("snakemake --list", ["quick", "tiny", "shift"]),
    ],
)
def test_a_suite_is_read_where_the_command_line_speaks_of_it(command: str, named: list[str]) -> None:
    assert spoken_of(SUITES, command.split()) == named
