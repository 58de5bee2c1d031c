"""SendGrid: marketing contacts and their lists, mail send, and erasure."""

import time
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "sendgrid_contacts"
_MAIL = "sendgrid_mail"


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("SENDGRID_API_KEY"):
        return _error(401, "authorization required")
    match call.route:
        case "PUT", ["v3", "marketing", "contacts"]:
            return _upsert(call, store)
        case "POST", ["v3", "marketing", "contacts", "search", "emails"]:
            return _search(call, store)
        case "GET", ["v3", "marketing", "contacts", "imports", job_id]:
            return _job(job_id, store)
        case "DELETE", ["v3", "marketing", "lists", list_id, "contacts"]:
            return _leave(list_id, call, store)
        case "POST", ["v3", "mail", "send"]:
            return _send(call, store)
        case "POST", ["v3", "recipients", "erasejob"]:
            return _erase(call, store)
    return _error(404, "not found")


def _send(call: Call, store: Store) -> Answer:
    """The whole request is refused for one malformed recipient, as the vendor does."""
    match call.json:
        case {"personalizations": [_, *_] as envelopes, "from": {"email": str()}, **rest}:
            content = [part.get("value") for part in rest.get("content", [])]
        case _:
            return _error(400, "personalizations and from are needed", "personalizations")
    if len(envelopes) > 1_000:
        return _error(400, "at most 1000 personalizations", "personalizations")
    if "template_id" not in rest and not all(content or [None]):
        return _error(400, "content is needed without a template", "content")
    for place, envelope in enumerate(envelopes):
        (recipient, *_), subject = envelope["to"], envelope.get("subject") or rest.get("subject")
        if "@" not in recipient["email"]:
            field = f"personalizations.{place}.to.0.email"
            return _error(400, f"{recipient['email']} is not a valid address", field)
        if not subject and "template_id" not in rest:
            return _error(400, "a subject is needed", "subject")
    # Addresses on a suppression list are dropped silently: that is this vendor's partial failure.
    kept = envelopes[:-1] if call.is_partial else envelopes
    text = content[0] if content else rest["template_id"]
    store.add_messages(
        _MAIL, [(e["to"][0]["email"], f"{e.get('subject', '')}\n{text}".strip()) for e in kept]
    )
    return Answer(202, "", {"X-Message-Id": uuid4().hex[:22]}, rows=len(envelopes))


def _erase(call: Call, store: Store) -> Answer:
    match call.json:
        case {"email_addresses": [_, *_] as addresses} if len(addresses) <= 5_000:
            store.forget_contacts(_NAME, [str(address).lower() for address in addresses])
            return Answer(202, {"job_id": str(uuid4())}, rows=len(addresses))
    return _error(400, "between 1 and 5000 addresses are needed", "email_addresses")


def _upsert(call: Call, store: Store) -> Answer:
    """The whole request is refused for one malformed contact, as the vendor does."""
    match call.json:
        case {"contacts": [_, *_] as contacts, **rest} if len(contacts) <= 30_000:
            lists = rest.get("list_ids", [])
        case _:
            return _error(400, "between 1 and 30000 contacts are needed", "contacts")
    if len(call.body) > 6_000_000:
        return _error(413, "payload too large")
    if not all(map(_is_uuid, lists)):
        return _error(400, "list ids must be UUIDs of your lists", "list_ids")
    for place, contact in enumerate(contacts):
        address = contact.get("email")
        if not isinstance(address, str) or "@" not in address or len(address) > 254:
            said = f"{address} is not a valid address"
            return _error(400, said, f"contacts[{place}].email")
    kept = contacts[:-1] if call.is_partial else contacts
    ids = [_contact_id(contact["email"]) for contact in kept]
    store.upsert_contacts(
        (id_, contact["email"].lower(), contact) for id_, contact in zip(ids, kept, strict=True)
    )
    for list_id in lists:
        store.add_members(_NAME, list_id, ids)
    job_id = str(uuid4())
    store.add_job(job_id, _result(job_id, len(contacts), len(contacts) - len(kept)))
    return Answer(202, {"job_id": job_id}, rows=len(contacts))


def _search(call: Call, store: Store) -> Answer:
    match call.json:
        case {"emails": [_, *_] as emails} if len(emails) <= 100:
            addresses = [str(email).lower() for email in emails]
        case _:
            return _error(400, "between 1 and 100 emails are needed", "emails")
    places = ", ".join("?" * len(addresses))
    found = {
        row["email"]: {"contact": {"id": row["id"], "email": row["email"], "list_ids": []}}
        for row in store.rows(f"select * from contact where email in ({places})", addresses)
    }
    if not found:
        return _error(404, "no contacts found")
    missing = {"error": "contact not found"}
    result = {address: found.get(address, missing) for address in addresses}
    return Answer(200, {"result": result})


def _job(job_id: str, store: Store) -> Answer:
    job = store.poll_job(job_id)
    if job is None:
        return _error(404, "no such job")
    is_running, result = job
    running = {"id": job_id, "status": "pending", "job_type": "upsert", "results": {}}
    return Answer(200, running if is_running else result)


def _leave(list_id: str, call: Call, store: Store) -> Answer:
    ids = [id_ for id_ in call.query.get("contact_ids", "").split(",") if id_]
    if not ids:
        return _error(400, "contact_ids is required", "contact_ids")
    store.remove_members(_NAME, list_id, ids)
    return Answer(202, {"job_id": str(uuid4())}, rows=len(ids))


def _result(job_id: str, requested: int, errored: int) -> dict[str, Any]:
    counts = {"requested_count": requested, "errored_count": errored}
    status = "errored" if errored else "completed"
    return {"id": job_id, "status": status, "job_type": "upsert", "results": counts}


def _contact_id(address: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"mailto:{address.lower()}"))


def _is_uuid(value: Any) -> bool:
    try:
        return bool(UUID(value))
    except (AttributeError, TypeError, ValueError):
        return False


def _error(status: int, message: str, field: str | None = None) -> Answer:
    return Answer(status, {"errors": [{"message": message, "field": field}]})


def _too_many() -> Answer:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 2)}
    return Answer(429, {"errors": [{"field": None, "message": "too many requests"}]}, limit)


VENDORS = tuple(Vendor(name, _answer, _too_many) for name in (_NAME, _MAIL))
