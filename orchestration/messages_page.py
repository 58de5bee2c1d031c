"""A page of all that journeys say, on every channel, with sample data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestration.messages_templates import OWN, BadMessage, Text, render_sample

TEMPLATE = "messages_page.html"


@dataclass(frozen=True)
class Preview:
    """One message on one channel: its text, or why it has none."""

    channel: str
    text: Text | None
    problem: str | None = None


def messages_page(messages: Iterable[Mapping[str, str]], given: Mapping[str, str]) -> str:
    """The HTML page for rows of messages.csv; `given` variables come before the samples."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    shown = [
        {
            "row": row,
            "previews": [_preview(row, channel, given) for channel in row["channels"].split()],
        }
        for row in messages
    ]
    return environment.get_template(TEMPLATE).render(messages=shown)


def _preview(row: Mapping[str, str], channel: str, given: Mapping[str, str]) -> Preview:
    entity = row["controller_entity"] or OWN
    try:
        return Preview(channel, render_sample(row["message"], channel, given, entity))
    except BadMessage as error:
        return Preview(channel, None, str(error))
