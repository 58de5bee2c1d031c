"""Braze: attributes of users with errors by their place, deletion, triggered campaigns."""

import time
from typing import Any
from uuid import uuid4

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "braze_users"
_CAMPAIGN = "braze_campaign"
_IDS = ("external_id", "email", "phone")


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("BRAZE_API_KEY"):
        return Answer(401, {"message": "Invalid API Key"})
    match *call.route, call.json:
        case "POST", ["users", "track"], {"attributes": [_, *_] as users} if len(users) <= 75:
            return _track(users, call.is_partial, store)
        case "POST", ["users", "delete"], {"external_ids": [_, *_] as ids} if len(ids) <= 50:
            for list_id in _lists(store):
                store.remove_members(_NAME, list_id, ids)
            return Answer(201, {"deleted": len(ids), "message": "success"}, rows=len(ids))
        case "POST", ["campaigns", "trigger", "send"], {"recipients": [_, *_] as recipients} if (
            len(recipients) <= 50
        ):
            # Who is unknown is left out silently: that is this vendor's partial failure.
            sent = recipients[: len(recipients) - call.is_partial]
            texts = ((r["external_user_id"], str(r.get("trigger_properties"))) for r in sent)
            store.add_messages(_CAMPAIGN, texts)
            said = {"dispatch_id": uuid4().hex, "message": "success"}
            return Answer(201, said, rows=len(recipients))
        case "POST", ["users", "track" | "delete"] | ["campaigns", "trigger", "send"], _:
            return Answer(400, {"message": "Request body is missing required parameters"})
    return Answer(404, {"message": "Not Found"})


def _track(users: list[dict[str, Any]], is_partial: bool, store: Store) -> Answer:
    errors = []
    for place, user in enumerate(users):
        known = next((user[k] for k in _IDS if k in user), None)
        if known is None or (is_partial and place == 0):
            said = "'external_id' is required"
            errors.append({"type": said, "input_array": "attributes", "index": place})
            continue
        for flag in (k for k, value in user.items() if isinstance(value, bool) and k[0] != "_"):
            change = store.add_members if user[flag] else store.remove_members
            change(_NAME, flag, [known])
    said = {"message": "success", "attributes_processed": len(users) - len(errors)}
    return Answer(201, {**said, "errors": errors} if errors else said, rows=len(users))


def _lists(store: Store) -> list[str]:
    found = store.rows("select distinct list from member where destination = ?", [_NAME])
    return [row["list"] for row in found]


def _too_many() -> Answer:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 2)}
    return Answer(429, {"message": "rate limit exceeded"}, limit)


VENDORS = tuple(Vendor(name, _answer, _too_many) for name in (_NAME, _CAMPAIGN))
