"""What runs because something happened: raw files landed."""

import hashlib

import dagster as dg

from orchestration.raw_files import RawError, find_files
from orchestration.schedules import daily_job
from orchestration.settings import settings


@dg.sensor(job=daily_job, minimum_interval_seconds=5)
def new_raw_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Starts a tick when files of the raw folder are new or changed since the last look."""
    try:
        files, _ = find_files(settings().raw)
    except RawError as error:
        return dg.SkipReason(str(error))
    stats = [(file.name, file.path.stat()) for file in files]
    listing = "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    seen = hashlib.sha256(listing.encode()).hexdigest()
    if seen == context.cursor:
        return dg.SkipReason("no new or changed raw files")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)
