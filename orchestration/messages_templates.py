"""Texts of messages: templates in the repository, rendered in a sandbox from given variables."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.exceptions import UndefinedError
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from orchestration.settings import PROJECT

TEMPLATES = PROJECT / "activations" / "templates"
OWN = "self"  # the entity of sender.toml's first lines
WITH_SUBJECT = ("email", "push")
# What the law wants to be readable in a promotional message, by the name in sender.toml.
MUST_SHOW = {"email": ("name", "address", "opt_out_url"), "sms": ("name", "opt_out_url")}


class BadMessage(ValueError):
    """A message that cannot be said; the text is the reason kept with it, without personal data."""


@dataclass(frozen=True)
class Text:
    """What a person reads; the subject is a notification's title, too.

    The sender is named where it is not our own company, which is the sync's own sender.
    """

    subject: str | None
    body: str
    sender: str | None = None


def render(
    message: str, channel: str, variables: Mapping[str, Any], folder: Path = TEMPLATES
) -> Text:
    """The text of a message for one person; BadMessage where a variable is missing or empty."""
    given = {name: value for name, value in variables.items() if value not in (None, "")}
    entity = given.get("controller_entity", OWN)
    speaker = sender(entity, folder)
    try:
        template = _environment(folder).get_template(f"{message}/{channel}.txt")
        text = template.render(**given, sender=speaker)
    except TemplateNotFound as error:
        raise BadMessage(f"no_template:{error.name}") from None
    except UndefinedError as error:
        raise BadMessage(f"missing_variable:{str(error).split(chr(39))[1]}") from None
    except (TemplateError, TypeError, ValueError) as error:
        raise BadMessage(f"bad_template:{type(error).__name__}") from None
    return replace(_parted(text.strip(), channel), sender=_sent_by(entity, channel, folder))


def lint(
    message: str,
    channel: str,
    message_class: str,
    folder: Path = TEMPLATES,
    entity: str = OWN,
) -> list[str]:
    """What is wrong with a template, in words; an empty list where it may be used."""
    place = f"{message}/{channel}.txt"
    try:
        text = render_sample(message, channel, entity=entity, folder=folder)
    except BadMessage as error:
        return [f"{place}: {error}"]
    if message_class != "promotional":
        return []
    shown = sender(entity, folder)
    return [
        f"{place}: does not show the sender's {name}; include footer/{channel}.txt"
        for name in MUST_SHOW.get(channel, ())
        if shown[name] not in text.body
    ]


def render_sample(
    message: str,
    channel: str,
    given: Mapping[str, Any] = MappingProxyType({}),
    entity: str = OWN,
    folder: Path = TEMPLATES,
) -> Text:
    """A message with the given variables, else those of sample.toml, else their names."""
    names = {name: f"[{name}]" for name in variables_of(message, channel, folder)}
    shown = {name: _sample(folder).get(name, value) for name, value in names.items()}
    return render(message, channel, shown | {"controller_entity": entity} | given, folder)


def variables_of(message: str, channel: str, folder: Path = TEMPLATES) -> set[str]:
    """The variables that a template and what it includes ask for, besides the sender."""
    if not (folder / message / f"{channel}.txt").is_file():
        raise BadMessage(f"no_template:{message}/{channel}.txt")
    return _variables_in(f"{message}/{channel}.txt", folder) - {"sender"}


def _variables_in(template: str, folder: Path) -> set[str]:
    parsed = _environment(folder).parse((folder / template).read_text())
    included = [name for name in find_referenced_templates(parsed) if name]
    return find_undeclared_variables(parsed).union(*(_variables_in(n, folder) for n in included))


@cache
def _sample(folder: Path) -> Mapping[str, Any]:
    path = folder / "sample.toml"
    return tomllib.loads(path.read_text()) if path.is_file() else {}


@cache
def sender(entity: str = OWN, folder: Path = TEMPLATES) -> Mapping[str, str]:
    """Who speaks: sender.toml, and the part of a company of the group that speaks for itself."""
    speakers = tomllib.loads((folder / "sender.toml").read_text())
    if entity != OWN and entity not in speakers:
        raise BadMessage(f"no_sender:{entity}")
    return speakers if entity == OWN else speakers[entity]


def _sent_by(entity: str, channel: str, folder: Path) -> str | None:
    """As whom a company of the group sends on a channel; never as ourselves. Tasks stay inside."""
    if entity == OWN or channel == "task":
        return None
    if channel not in sender(entity, folder):
        raise BadMessage(f"no_sender:{entity} by {channel}")
    return sender(entity, folder)[channel]


@cache
def opt_out_links(folder: Path = TEMPLATES) -> frozenset[str]:
    """The links by which people leave, of all who speak."""
    speakers = sender(folder=folder)
    others = (part for part in speakers.values() if isinstance(part, Mapping))
    return frozenset(speaker["opt_out_url"] for speaker in (speakers, *others))


@cache
def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, auto_reload=False
    )


def _parted(text: str, channel: str) -> Text:
    if channel not in WITH_SUBJECT:
        return Text(None, _body(text))
    first, _, body = text.partition("\n")
    if not first.startswith("subject:") or not first.removeprefix("subject:").strip():
        raise BadMessage("bad_template:begins with no line 'subject: …'")
    return Text(first.removeprefix("subject:").strip(), _body(body.strip()))


def _body(text: str) -> str:
    if not text:
        raise BadMessage("bad_template:no text")
    return text
