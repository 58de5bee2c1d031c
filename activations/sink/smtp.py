"""The sink's mail server: aiosmtpd on the port after the HTTP one, with the same faults."""

import asyncio
import logging
import warnings
from email import message_from_bytes
from email.policy import SMTP as POLICY

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from activations.sink.store import Store
from activations.sink.vendor import SECRETS

NAME = "smtp"
_LONGEST_SILENCE = 120.0  # seconds; longer than any client of ours waits for an answer
_SLOWNESS = 1.0  # seconds
_SLOW_DOWN = "421 4.7.0 Too many messages, try again later"


class Mailbox:
    """Takes every message whose recipient is an address, and remembers it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """550 for what is no address at all."""
        if "@" not in address:
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """One message, or the fault that was asked for."""
        fault = self._store.take_fault(NAME)
        if fault == "timeout_before":
            await asyncio.sleep(_LONGEST_SILENCE)
        if fault == "slow":
            await asyncio.sleep(_SLOWNESS)
        reply = {
            "429": _SLOW_DOWN,
            "expired": "530 5.7.0 Authentication required",
            "500": "451 4.3.0 Local error in processing",
            "partial": "550 5.7.1 Message refused",
            "malformed": "It is a lovely day",
        }.get(fault or "", "250 2.0.0 OK")
        is_taken = reply.startswith("250")
        body = envelope.content or b""
        with self._store.transaction():
            if is_taken:
                self._store.add_messages(NAME, [(a, _text(body)) for a in envelope.rcpt_tos])
            status = 200 if is_taken else 502 if fault == "malformed" else int(reply[:3])
            self._store.log(NAME, "DATA", "", int(is_taken), len(body), status)
        if fault == "timeout_after":
            await asyncio.sleep(_LONGEST_SILENCE)
        return reply


def mail_server(store: Store, host: str, port: int) -> Controller:
    """A server that wants the sink's own login; start and stop it."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it names senders and recipients
    # On the loopback address there is nobody to overhear the login.
    warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
    return Controller(
        Mailbox(store),
        hostname=host,
        port=port,
        authenticator=_authenticate,
        auth_required=True,
        auth_require_tls=False,
    )


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: LoginPassword
) -> AuthResult:
    given = (login.login.decode(), login.password.decode())
    is_known = given == (SECRETS["SMTP_USER"], SECRETS["SMTP_PASSWORD"])
    return AuthResult(success=is_known, handled=False)  # the server is to say so


def _text(content: bytes) -> str:
    """Subject and text, as the recipient would see them."""
    message = message_from_bytes(content, policy=POLICY)
    part = message.get_body(preferencelist=("plain",))
    return f"{message['Subject']}\n{part.get_content() if part else ''}".strip()
