"""docs/destinations.md is true: its table, and its example under the contract suite."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from activations.destinations import destinations

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "destinations.md").read_text()
LONGEST = 55  # lines of the example, imports and blank lines included

# Stands for the three edits, which a reader makes by hand.
RUN = """
import sys
from pathlib import Path

import pytest

import activations.destinations
import activations.sink.vendors
from activations.sink.vendor import SECRETS

folder = Path(sys.argv[1])
activations.destinations.__path__.append(str(folder / "destinations"))
activations.sink.vendors.__path__.append(str(folder / "vendors"))
SECRETS["MAILCHIMP_API_KEY"] = "the-local-sink-stands-in-for-mailchimp"

from tests.destinations.examples import OPTIONS

exec((folder / "options.py").read_text())
suite = "tests/destinations/test_contract.py"
sys.exit(pytest.main(["-n0", "-p", "no:cacheprovider", "-k", "mailchimp", suite]))
"""


@pytest.mark.parametrize("name", sorted(destinations()))
def test_the_table_says_what_a_destination_can_and_needs(name):
    can = destinations()[name].capabilities
    (row,) = (line for line in DOCUMENT.splitlines() if line.startswith(f"| `{name}` |"))
    _, _, _, modes, options, secrets, _ = row.split("|")
    assert set(modes.strip().split(", ")) == can.modes
    assert set(re.findall(r"`(\w+)`", options)) == can.required_options
    assert set(re.findall(r"`(\w+)`", secrets)) == can.required_secrets


def test_the_example_passes_the_contract_suite(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    files = ("destinations/mailchimp.py", "vendors/mailchimp.py", "options.py")
    for file, block in zip(files, blocks, strict=True):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(block)
    assert len(blocks[0].splitlines()) <= LONGEST
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) > 30
