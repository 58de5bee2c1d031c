"""The sink's HTTP side: vendors under /<destination>, scripted faults, and pages to look at."""

import asyncio
from contextlib import suppress

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from activations.sink.page import render
from activations.sink.store import Store
from activations.sink.summary import state
from activations.sink.vendor import Answer, Call, Vendor
from activations.sink.vendors import vendors

FAULTS = frozenset(
    ("429", "500", "expired", "slow", "timeout_before", "timeout_after", "partial", "malformed")
)
_SLOWNESS = 1.0  # seconds
_LONGEST_SILENCE = 120.0  # seconds; longer than any client of ours waits for an answer
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(store: Store) -> Starlette:
    """The sink over one store."""
    app = Starlette(
        routes=[
            Route("/", _show_page),
            Route("/_state", _show_state),
            Route("/_requests", _show_requests),
            Route("/_faults", _set_fault, methods=["POST"]),
            Route("/{destination}", _receive, methods=_METHODS),
            Route("/{destination}/{path:path}", _receive, methods=_METHODS),
        ]
    )
    app.state.store = store
    return app


async def _receive(request: Request) -> Response:
    store, vendor = request.app.state.store, vendors().get(request.path_params["destination"])
    if vendor is None:
        return JSONResponse({"error": f"destinations: {', '.join(vendors())}"}, 404)
    body = await request.body()
    fault = store.take_fault(vendor.name)
    if fault == "timeout_before":
        return await _silence(request)
    if fault == "slow":
        await asyncio.sleep(_SLOWNESS)
    answer = await run_in_threadpool(_handle, vendor, request, body, fault, store)
    if fault == "timeout_after":
        return await _silence(request)
    if fault == "malformed":
        return HTMLResponse("<html><body>Please come back later</body></html>")
    if answer.status == 204 or isinstance(answer.body, str):
        return Response(answer.body, answer.status, dict(answer.headers))
    content = answer.body if answer.body is not None else {}
    return JSONResponse(content, answer.status, dict(answer.headers))


async def _set_fault(request: Request) -> Response:
    match await request.json():
        case {"destination": str(name), "kind": kind, **rest} if str(kind) in FAULTS:
            if name in vendors():
                times = int(rest.get("times", 1))
                request.app.state.store.set_fault(name, str(kind), times)
                return JSONResponse({"status": "ok"})
    said = f"destination: {', '.join(vendors())}; kind: {', '.join(sorted(FAULTS))}; times"
    return JSONResponse({"error": said}, 400)


async def _show_state(request: Request) -> Response:
    return JSONResponse(state(request.app.state.store))


async def _show_requests(request: Request) -> Response:
    return JSONResponse(request.app.state.store.rows("select * from request order by id"))


async def _show_page(request: Request) -> Response:
    return HTMLResponse(render(request.app.state.store))


def _handle(
    vendor: Vendor, request: Request, body: bytes, fault: str | None, store: Store
) -> Answer:
    """One request by the vendor's rules; it and its log entry are kept together or not at all."""
    call = Call(
        method=request.method,
        path=request.path_params.get("path", ""),
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=body,
        is_partial=fault == "partial",
    )
    with store.transaction():
        if fault == "429":
            answer = vendor.too_many()
        elif fault == "expired":
            answer = Answer(401, {"message": "the access token has expired"})
        elif fault == "500":
            answer = Answer(500, {"message": "internal error"})
        else:
            answer = vendor.answer(call, store)
        store.log(vendor.name, call.method, call.path, answer.rows, len(body), answer.status)
    return answer


async def _silence(request: Request) -> Response:
    """No answer until the client gives up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_SILENCE):
            while not await request.is_disconnected():
                await asyncio.sleep(0.05)
    return Response(status_code=504)
