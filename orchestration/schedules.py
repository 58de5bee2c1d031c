"""When things run: one schedule per cadence, in Tokyo time."""

import dagster as dg

from orchestration.assets import IDENTITY_MODEL
from orchestration.sync_assets import frequent_syncs, sync_assets

TOKYO = "Asia/Tokyo"
# A model is trained when somebody says so, or by the resolution that has none
TICK = dg.AssetSelection.all() - dg.AssetSelection.assets(IDENTITY_MODEL)

build_job = dg.define_asset_job(
    "build",
    selection=TICK - dg.AssetSelection.assets(*sync_assets()),
    description="Raw files to segments; nothing leaves.",
)
apply_job = dg.define_asset_job(
    "apply",
    selection=dg.AssetSelection.assets(*sync_assets()),
    description="All syncs on the warehouse as it stands.",
)
daily_job = dg.define_asset_job(
    "daily", selection=TICK, description="The full tick: build, then apply."
)
frequent_job = dg.define_asset_job(
    "frequent",
    # landing and identity are one step each, so all of their tables come along
    selection=TICK
    & dg.AssetSelection.assets(*frequent_syncs()).upstream().required_multi_asset_neighbors(),
    description="The syncs marked `schedule: frequent`, and exactly what they need.",
)
train_identity_job = dg.define_asset_job(
    "train_identity",
    selection=dg.AssetSelection.assets(IDENTITY_MODEL),
    description="A new model of identity; the next build resolves with it.",
)

schedules = [
    dg.ScheduleDefinition(
        name="daily_0500", job=daily_job, cron_schedule="0 5 * * *", execution_timezone=TOKYO
    ),
    dg.ScheduleDefinition(
        name="frequent_quarter_hour",
        job=frequent_job,
        cron_schedule="*/15 6-23 * * *",
        execution_timezone=TOKYO,
    ),
]
