"""The page's HTTP side: who may call, what is shown, and the answers that stewards send."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import uvicorn
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from identity import DecisionError
from orchestration.identity_tables import ensure_identity_tables
from orchestration.review_page.view import pair_of
from orchestration.review_queue import next_pair, put_off, queued_pair, waiting
from orchestration.stewardship import StewardshipError, decide, end_of_day
from orchestration.warehouse import DuckDBWarehouse, WarehouseBusy

FOLDER = Path(__file__).parent
HOSTS = ("127.0.0.1", "localhost")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would then send forms without their origin.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
KEY_COOKIE, NAME_COOKIE = "enishi_review_key", "enishi_steward"
ANSWERS = ("same", "different", "later")
TEMPLATES = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class Desk:
    """What the page works with: the warehouse, the time of decisions, and who may come in.

    `key` is in the address that is printed at the start, so that nobody else on this machine gets
    in; `token` is in the forms, so that no other page can send them.
    """

    path: Path
    now: Callable[[], datetime]
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def warehouse(self) -> DuckDBWarehouse:
        """A door of one request's own."""
        return DuckDBWarehouse(self.path)


def create_app(desk: Desk) -> Starlette:
    """The page over one warehouse."""
    app = Starlette(
        routes=[
            Route("/", _show_next),
            Route("/pair", _show_pair),
            Route("/answer", _take_answer, methods=["POST"]),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS),
            Middleware(BaseHTTPMiddleware, dispatch=_guard),
        ],
        exception_handlers={
            StewardshipError: _refused,
            DecisionError: _refused,
            WarehouseBusy: _busy,
        },
    )
    app.state.desk = desk
    return app


def serve(path: Path, now: Callable[[], datetime], port: int, tell: Callable[[str], None]) -> None:
    """Serve on the loopback address until interrupted; `tell` gets the address to open."""
    desk = Desk(path, now)
    ensure_identity_tables(desk.warehouse())
    tell(f"http://127.0.0.1:{port}/?key={desk.key}")
    uvicorn.run(create_app(desk), port=port, log_level="warning", access_log=False)


async def _guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Only who has the key comes in, and only our own pages send forms."""
    desk: Desk = request.app.state.desk
    given = request.query_params.get("key", "")
    if secrets.compare_digest(given.encode(), desk.key.encode()):
        response: Response = RedirectResponse(str(request.url.remove_query_params("key")), 303)
        _remember(response, KEY_COOKIE, desk.key)
    elif not secrets.compare_digest(
        request.cookies.get(KEY_COOKIE, "").encode(), desk.key.encode()
    ):
        response = PlainTextResponse("open the address that `enishi identity review` printed", 403)
    elif request.method == "POST" and request.headers.get("origin") != _origin(request):
        response = PlainTextResponse("this form was not sent by this page", 403)
    else:
        response = await call_next(request)
    response.headers.update(HEADERS)
    return response


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


def _remember(response: Response, cookie: str, value: str) -> None:
    response.set_cookie(cookie, value, httponly=True, samesite="strict")


def _show_next(request: Request) -> Response:
    kind = request.query_params.get("kind") or None
    queued = next_pair(_desk(request).warehouse(), kind)
    if queued is None:
        return _page(request, None, None)
    return _page(request, queued, (queued["record_l"], queued["record_r"]))


def _show_pair(request: Request) -> Response:
    one, other = (request.query_params.get(side, "") for side in ("l", "r"))
    return _page(request, queued_pair(_desk(request).warehouse(), one, other), (one, other))


def _page(
    request: Request,
    queued: Mapping[str, Any] | None,
    records: tuple[str, str] | None,
) -> Response:
    desk = _desk(request)
    warehouse = desk.warehouse()
    html = TEMPLATES.get_template("page.html").render(
        words=_words(request),
        queued=queued,
        records=records,
        pair=pair_of(warehouse, *records, queued) if records else None,
        waiting=waiting(warehouse),
        kind=request.query_params.get("kind"),
        answered=_answered(request),
        steward=unquote(request.cookies.get(NAME_COOKIE, "")),
        token=desk.token,
    )
    return HTMLResponse(html)


def _answered(request: Request) -> dict[str, str] | None:
    """What was answered on the page before, so that a slip can be mended."""
    told = {name: request.query_params.get(name, "") for name in ("was", "l", "r")}
    return told if told["was"] in ANSWERS else None


async def _take_answer(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode()))
    if not secrets.compare_digest(form.get("token", "").encode(), _desk(request).token.encode()):
        return PlainTextResponse("this form is of an earlier start: load the page again", 403)
    return await run_in_threadpool(_keep_answer, request, form)


def _keep_answer(request: Request, form: Mapping[str, str]) -> Response:
    desk = _desk(request)
    answer, one, other = (form.get(name, "") for name in ("answer", "l", "r"))
    by, reason = (form.get(name, "").strip() for name in ("by", "reason"))
    if answer not in ANSWERS:
        return PlainTextResponse(f"an answer is one of {', '.join(ANSWERS)}", 400)
    if answer == "later":
        put_off(desk.warehouse(), one, other, by, reason, desk.now())
    else:
        until = _until(form.get("until"))
        decide(desk.warehouse(), answer, one, other, by, reason, desk.now(), until)
    back = {"kind": form.get("kind", ""), "was": answer, "l": one, "r": other}
    response = RedirectResponse(f"/?{urlencode(back)}", 303)
    _remember(response, NAME_COOKIE, quote(by))
    return response


def _until(day: str | None) -> datetime | None:
    try:
        return end_of_day(date.fromisoformat(day)) if day else None
    except ValueError:
        raise StewardshipError("write the last day as in 2027-03-31") from None


def _refused(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 422)


def _busy(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 503, {"Retry-After": "30"})


def _desk(request: Request) -> Desk:
    return request.app.state.desk


def _words(request: Request) -> dict[str, str]:
    """The page's words in the browser's language, as far as that is Japanese or English."""
    is_japanese = request.headers.get("accept-language", "").lower().startswith("ja")
    return {name: by_language["ja" if is_japanese else "en"] for name, by_language in _all_words()}


@cache
def _all_words() -> tuple[tuple[str, dict[str, str]], ...]:
    return tuple(yaml.safe_load((FOLDER / "words.yml").read_text()).items())
