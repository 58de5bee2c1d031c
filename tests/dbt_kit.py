"""SQL with macros, as dbt compiles it."""

import json
from datetime import datetime

from dbt.cli.main import dbtRunnerResult

from orchestration.dbt import target_path
from orchestration.dbt_parse import invoke_dbt, parsed
from orchestration.settings import settings


def compiled(sql: str, as_of: datetime) -> dbtRunnerResult:
    """What dbt makes of a query for the warehouse of the settings; `query_of` is its SQL."""
    variables = json.dumps({"as_of": as_of.isoformat(sep=" ")})
    path = settings().warehouse
    arguments = ["compile", "--inline", sql, "--vars", variables]
    return invoke_dbt(arguments, path, target_path(), project=parsed(path.stem))


def query_of(result: dbtRunnerResult) -> str:
    """The compiled SQL."""
    assert result.success, result.exception
    return result.result.results[0].node.compiled_code
