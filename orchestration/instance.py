"""The Dagster instance that the command line and the UI share."""

import os
from pathlib import Path

from orchestration.settings import PROJECT

CONFIG = """\
telemetry:
  enabled: false
concurrency:
  pools:
    default_limit: 1
    granularity: op
python_logs:
  managed_python_loggers: [enishi]
"""


def dagster_home() -> Path:
    """DAGSTER_HOME, by default .dagster in the project, made ready where it is not."""
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(PROJECT / ".dagster")))
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(CONFIG)
    return home
