"""`make test-faults`: everything, with a table of what was lost, doubled or left in doubt."""

import sys
import tempfile
from pathlib import Path

from tests.faults import harness, scenario
from tests.faults.vendor import FAULTS

KILLS, MOMENTS = 30, 2  # for each kind of destination


def main() -> int:
    """The exit status: 0 where nothing was lost, doubled or left unlisted."""
    tallies = []
    for kind in scenario.KINDS:
        with tempfile.TemporaryDirectory() as folder:
            tallies.append(harness.play(kind, Path(folder), KILLS, FAULTS, MOMENTS))
        print(tallies[-1].line(), flush=True)
    kills = sum(tally.kills for tally in tallies)
    print(f"\n{kills} kills at different points")
    wrong = [problem for tally in tallies for problem in tally.wrong]
    print("\n".join(wrong) or "nothing lost, nothing sent twice, every uncertain row listed")
    return 1 if wrong or kills < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
