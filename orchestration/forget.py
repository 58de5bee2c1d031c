"""`enishi forget`: one person's erasure at destinations, ledger, quarantine and exports."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from activations.context import Context
from activations.forget import (
    Erased,
    forget_at_destinations,
    forget_in_ledger,
    record,
    suppress,
)
from activations.pseudonyms import pseudonym
from orchestration import syncs
from orchestration.identities import forget_records
from orchestration.identity_tables import ensure_identity_tables
from orchestration.settings import settings
from orchestration.warehouse import DuckDBWarehouse

_KINDS = {"email": "email", "sms": "phone", "line": "line_user_id", "ads": "ads"}
_NO_WORDS = "payload = '{}', context = '{}'"
_ENCODINGS = ("utf-8-sig", "cp932")


def forget(
    warehouse: DuckDBWarehouse, customer_ids: list[str], context: Context, why: str
) -> list[Erased]:
    """Everything that was done, which is also kept as the receipt; Fatal before anything is.

    Destinations are asked first, for the ledger is what tells who has the person; identity, which
    tells what is theirs, comes last.
    """
    person = pseudonym(customer_ids[0], context.secrets)
    ensure_identity_tables(warehouse)
    identifiers = _identifiers(warehouse, customer_ids)
    done = list(forget_at_destinations(warehouse, syncs.syncs(), context, customer_ids))
    done += _forget_in_exports(context.export_folder, set(customer_ids))
    done.append(_forget_charts(settings().charts))
    with warehouse.transaction() as transaction:
        done += _forget_in_quarantine(transaction, customer_ids, [v for _, v in identifiers])
        done += _forget_in_decisions(transaction, customer_ids)
        done += _forget_in_stewardship(transaction, customer_ids)
        done += _at_the_sources(transaction, customer_ids)
        done.append(suppress(transaction, context, identifiers, why))
        done += forget_in_ledger(transaction, context, customer_ids)
    count = forget_records(warehouse, customer_ids, context.as_of)
    done.append(Erased("identity", count, "erased"))
    with warehouse.transaction() as transaction:
        record(
            transaction, context, f"{_now(context):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}", person, done
        )
    return done


def _now(context: Context) -> datetime:
    return context.clock.now()


def _identifiers(warehouse: DuckDBWarehouse, customer_ids: list[str]) -> list[tuple[str, str]]:
    """Kind and value of every contact point, and the ids themselves."""
    people = ", ".join("?" for _ in customer_ids)
    rows = warehouse.rows(
        f"select distinct channel, contact_point from marts.contact_points "
        f"where customer_id in ({people})",
        customer_ids,
    )
    contacts = {(_KINDS.get(r["channel"], r["channel"]), r["contact_point"]) for r in rows}
    return sorted(contacts | {("customer_id", customer_id) for customer_id in customer_ids})


def _forget_in_quarantine(
    transaction: DuckDBWarehouse, customer_ids: list[str], values: list[str]
) -> Iterator[Erased]:
    """The rows stay, as a count and a reason; what they held goes."""
    people = ", ".join("?" for _ in customer_ids)
    held = " or ".join("contains(raw_row, ?)" for _ in values) or "false"
    chosen = (
        f"raw_row is not null and ((source, source_id) in (select (source, source_id) "
        f"from identity.customer_records where customer_id in ({people})) or {held})"
    )
    parameters = [*customer_ids, *values]
    count = transaction.value(
        f"select count(*) from identity.quarantine where {chosen}", parameters
    )
    transaction.execute(f"update identity.quarantine set raw_row = null where {chosen}", parameters)
    yield Erased("identity.quarantine", count, "erased")


def _forget_in_decisions(transaction: DuckDBWarehouse, customer_ids: list[str]) -> Iterator[Erased]:
    """Frozen decisions stay as such; where they were to go and what they were to say goes."""
    people = ", ".join("?" for _ in customer_ids)
    of_person = f"customer_id in ({people})"
    said = f"send_id in (select send_id from decisions.send_decisions where {of_person})"
    for table, chosen, emptied in (
        ("decisions.rendered_messages", said, "subject = null, body = null"),
        ("decisions.send_decisions", of_person, f"contact_point = null, {_NO_WORDS}"),
        ("journeys.journey_entries", of_person, "context = '{}'"),
    ):
        if not transaction.rows(
            "select 1 from information_schema.tables where table_schema || '.' || table_name = ?",
            [table],
        ):
            continue
        count = transaction.value(f"select count(*) from {table} where {chosen}", customer_ids)
        transaction.execute(f"update {table} set {emptied} where {chosen}", customer_ids)
        yield Erased(table, count, "erased")


def _forget_in_stewardship(
    transaction: DuckDBWarehouse, customer_ids: list[str]
) -> Iterator[Erased]:
    """Pinned and unusable values go, and the reasons of stewards, which may quote a person."""
    people = ", ".join("?" for _ in customer_ids)
    records = (
        f"select source, source_id from identity.customer_records where customer_id in ({people})"
    )
    pair = f"(source_l, source_id_l) in ({records}) or (source_r, source_id_r) in ({records})"
    for table, chosen, change in (
        ("golden_pins", f"(source, source_id) in ({records})", "delete from identity.{}"),
        ("unusable_values", f"(source, source_id) in ({records})", "delete from identity.{}"),
        ("put_off_reviews", pair, "update identity.{} set reason = null"),
        ("decisions", pair, "update identity.{} set reason = null"),
    ):
        parameters = customer_ids * chosen.count(records)
        count = transaction.value(
            f"select count(*) from identity.{table} where {chosen}", parameters
        )
        transaction.execute(f"{change.format(table)} where {chosen}", parameters)
        yield Erased(f"identity.{table}", count, "erased")


def _at_the_sources(transaction: DuckDBWarehouse, customer_ids: list[str]) -> Iterator[Erased]:
    """What a source sends again tomorrow is to be erased there; the next build then follows."""
    people = ", ".join("?" for _ in customer_ids)
    for row in transaction.rows(
        f"select source, count(*) as n from identity.customer_records "
        f"where customer_id in ({people}) group by source order by source",
        customer_ids,
    ):
        detail = "delete the records in the source system; landing follows its next delivery"
        yield Erased(f"raw.{row['source']}", row["n"], "not_possible", detail)


def _forget_charts(folder: Path) -> Erased:
    """Pages of identity's charts show whole records; they can be made again."""
    pages = list(folder.glob("*.html"))
    for page in pages:
        page.unlink()
    return Erased("identity charts", len(pages), "erased")


def _forget_in_exports(folder: Path | None, keys: set[str]) -> Iterator[Erased]:
    """Lines of these customers in the files that were written; each keeps a true manifest."""
    paths = sorted(folder.rglob("*.csv")) if folder and folder.is_dir() else []
    count = sum(_without_lines(path, keys) for path in paths)
    yield Erased(
        "exported files", count, "erased", "files that were picked up are not ours to reach"
    )


def _without_lines(path: Path, keys: set[str]) -> int:
    encoding, text = _read(path)
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    places = [header.index(name) for name in ("key", "customer_id") if name in header]
    kept = [line for line in lines if not keys & {line[place] for place in places}]
    if len(kept) == len(lines):
        return 0
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([header, *kept])
    content = out.getvalue().encode(encoding)
    path.write_bytes(content)
    manifest = path.with_name(f"{path.name}.manifest.json")
    if manifest.exists():
        told = json.loads(manifest.read_text())
        told |= {"rows": len(kept), "bytes": len(content), "sha256": sha256(content).hexdigest()}
        manifest.write_text(json.dumps(told))
    return len(lines) - len(kept)


def _read(path: Path) -> tuple[str, str]:
    """Encoding and text; a byte order mark is kept where there was one."""
    content = path.read_bytes()
    has_mark = content.startswith(b"\xef\xbb\xbf")
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        is_utf8 = encoding == "utf-8-sig"
        return ("utf-8" if is_utf8 and not has_mark else encoding), text
    raise ValueError(f"{path.name} is neither UTF-8 nor Shift_JIS")
