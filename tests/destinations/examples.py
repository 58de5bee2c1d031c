"""People, rows and a minimal way to deliver them, shared by the tests of all destinations."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from activations.destinations import destinations
from activations.destinations.base import Operation, Outcome, Row, Secret, State, Target
from activations.sink import SECRETS, address_of

OPTIONS = {
    "smtp": {
        "server": "smtps://mail.enishi.example",
        "sender": "縁 <news@enishi.example>",
        "unsubscribe_mailto": "leave@enishi.example",
    },
    "sendgrid_contacts": {"list_id": "5b5e6d0a-0f6c-4a57-9b47-3d9be2a0c001"},
    "sendgrid_mail": {"sender": "縁 <news@enishi.example>"},
    "line_audience": {"description": "VIP"},
    "twilio_sms": {"sender": "+815000000001"},
    "infobip_sms": {"sender": "ENISHI"},
    "infobip_messages": {"channel": "RCS", "sender": "ENISHI", "sms_sender": "ENISHI"},
    "meta_custom_audience": {"audience_id": "23850000000000001"},
    "google_data_manager": {"operating_account_id": "1234567890", "user_list_id": "987654"},
    "yahoo_japan_customer_list": {"account_id": "1001", "audience_list_id": "2002"},
    "fcm": {"project_id": "enishi"},
    "braze_users": {"endpoint": "rest.iad-05.braze.com", "membership_attribute": "vip"},
    "braze_campaign": {"endpoint": "rest.iad-05.braze.com", "campaign_id": "c-spring"},
    "salesforce": {"domain": "enishi.my", "object": "Contact", "external_id": "Enishi_Id__c"},
    "kintone_records": {"subdomain": "enishi", "app": "7", "key_field": "customer_id"},
    "webhook": {"url": "https://hooks.example/enishi"},
    "csv_file": {"folder": "winback"},
    "csv_sftp": {
        "server": "sftp://files.enishi.example",
        "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsa",
        "folder": "winback",
    },
    "csv_s3": {"bucket": "enishi", "region": "ap-northeast-1", "folder": "winback"},
}
TEXT = "【縁】春のお知らせです。配信停止は https://enishi.example/u まで"
MESSAGE = {
    "subject": "春のお知らせ",
    "body": TEXT,
    "unsubscribe_url": "https://enishi.example/u/4f1c9a",
}
ATTRIBUTES = {"first_name": "太郎", "e1_N": 7}


def person(number: int) -> dict[str, str]:
    """One person's canonical values."""
    return {
        "customer_id": f"c{number}",
        "email": f"taro.yamada{number}@mail.example",
        "phone": f"0900{number:07d}",
        "last_name": "山田",
        "first_name": "太郎",
        "postal_code": "100-0001",
        "birth_on": "1984-03-06",
        "gender": "M",
        "prefecture": "東京都",
        "city": "千代田区",
        "line_user_id": f"U{number:032x}",
        "push_token": f"dGVzdC10b2tlbg:APA91b{number:020}",
        "firebase_installation_id": f"fid{number:019}",
    }


def rows_for(name: str, operation: Operation, count: int) -> list[Row]:
    """Rows as the engine hands them over: identifiers formatted, columns mapped."""
    identifiers = destinations()[name].capabilities.identifiers
    is_message = operation is Operation.SEND
    return [
        Row(
            key=f"c{number}",
            operation=operation,
            identifiers={
                kind: formatted
                for kind, identifier in identifiers.items()
                if (formatted := identifier.format(person(number)[identifier.column]))
            },
            columns=MESSAGE if is_message else ATTRIBUTES,
            idempotency_key=f"{operation}-{number}",
        )
        for number in range(1, count + 1)
    ]


def target_for(name: str, base_url: str) -> Target:
    """A destination instance with the sink's credentials."""
    return Target(
        destination=name,
        base_url=base_url,
        options=OPTIONS.get(name, {}),
        secrets={secret: Secret(value) for secret, value in SECRETS.items()},
    )


def at_sink(name: str, sink: str) -> Target:
    """The destination instance that the sink stands in for."""
    return target_for(name, address_of(name, sink))


def deliver(name: str, rows: Sequence[Row], target: Target, client: httpx.Client) -> list[Outcome]:
    """Look up, send, and poll until every row is decided."""
    destination, operation = destinations()[name], rows[0].operation
    if hasattr(destination, "build_lookup"):
        lookup = destination.build_lookup(operation, rows, target)
        if lookup is not None:
            ids = destination.parse_lookup(rows, client.send(lookup))
            rows = [replace(row, vendor_id=ids[row.key]) for row in rows if row.key in ids]
    outcomes = destination.parse(rows, client.send(destination.build(operation, rows, target)))
    while any(outcome.state is State.DEFERRED for outcome in outcomes):
        poll = destination.build_poll(outcomes[0].job_id, target)
        outcomes = destination.parse_poll(rows, client.send(poll))
    return outcomes


def acknowledged(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> list[Row]:
    """The same rows as the ledger knows them: with the vendor's ids."""
    ids = {outcome.key: outcome.vendor_id for outcome in outcomes}
    return [replace(row, vendor_id=ids.get(row.key)) for row in rows]


def built(name: str, rows: list[Row], **options: str) -> httpx.Request:
    """The request for the vendor itself."""
    destination = destinations()[name]
    target = target_for(name, destination.base_url)
    target = replace(target, options={**target.options, **options})
    return destination.build(rows[0].operation, rows, target)


def sent(name: str, operation: Operation, count: int = 1, **columns: object) -> list[Row]:
    """Rows with other columns than the usual ones."""
    rows = rows_for(name, operation, count)
    return [replace(row, columns={**row.columns, **columns}) for row in rows]


def body(name: str, rows: list[Row], **options: str) -> Any:
    """The JSON in the request for the vendor itself."""
    return json.loads(built(name, rows, **options).content)


def parsed(name: str, rows: list[Row], status: int, said: Any, **headers: str) -> list[Outcome]:
    """What the destination makes of an answer in JSON."""
    return destinations()[name].parse(rows, httpx.Response(status, json=said, headers=headers))
