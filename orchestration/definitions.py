"""What Dagster sees: `dagster dev` loads this module."""

import dagster as dg

from orchestration import assets, schedules, sensors
from orchestration.sync_assets import sync_assets

defs = dg.Definitions(
    assets=[
        assets.raw_assets,
        assets.dbt_prepare_assets,
        assets.identity_model,
        assets.identity_assets,
        assets.dbt_build_assets,
        *sync_assets(),
    ],
    jobs=[
        schedules.build_job,
        schedules.apply_job,
        schedules.daily_job,
        schedules.frequent_job,
        schedules.train_identity_job,
    ],
    schedules=schedules.schedules,
    sensors=[sensors.new_raw_files],
    # one process: DuckDB's file has one owner, and a process per step re-imports everything
    executor=dg.in_process_executor,
)
