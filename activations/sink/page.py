"""A page of what the sink received; nobody's address is readable on it."""

import re

from jinja2 import Environment

from activations.sink.store import Store
from activations.sink.summary import state

_SHOWN_MESSAGES = 5
_SHOWN_REQUESTS = 40

_PAGE = """<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Enishi sink</title>
<style>
:root { --ink: #22252b; --soft: #6b7280; --line: #e4e6ea; --tint: #f6f7f9; --accent: #b5382d; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2.5rem 1.5rem 4rem; color: var(--ink);
  font: 15px/1.6 system-ui, "Hiragino Kaku Gothic ProN", "Noto Sans JP", "Noto Sans CJK JP",
    "Yu Gothic UI", Meiryo, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h1 span { color: var(--accent); }
header p { color: var(--soft); margin: .25rem 0 2rem; }
h2 { font-size: 1.1rem; margin: 0; } h3 { font-size: .85rem; color: var(--soft); margin: 1rem 0 0; }
.cards { columns: 3 20rem; column-gap: 1rem; }
section { border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem;
  break-inside: avoid; margin-bottom: 1rem; }
section.idle { background: var(--tint); color: var(--soft); }
.wide { margin-top: 1rem; }
dl { display: flex; flex-wrap: wrap; gap: .25rem 1.75rem; margin: .6rem 0 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; margin-top: .4rem; font-size: .85rem; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0;
  overflow-wrap: anywhere; vertical-align: top; }
td.to { white-space: nowrap; color: var(--soft); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0; }
.wide td:nth-child(-n + 2) { white-space: nowrap; }
th.n, td.n { padding-left: 1rem; }
.bad { color: var(--accent); font-weight: 600; }
</style>
</head>
<body>
<header>
<h1><span>縁</span> Enishi sink</h1>
<p>What the vendors would have received. Addresses are masked.</p>
</header>
<div class="cards">
{% for name, seen in destinations.items() %}
<section{% if not seen.requests %} class="idle"{% endif %}>
<h2>{{ name }}</h2>
{% if not seen.requests %}<p>Nothing yet.</p>{% else %}
<dl>
{% for label, count in seen.counts.items() %}
<div><dt>{{ label }}</dt><dd>{{ "{:,}".format(count) }}</dd></div>
{% endfor %}
</dl>
{% if seen.lists %}
<h3>Lists</h3>
<table>
{% for list, size in seen.lists.items() %}
<tr><td>{{ list }}</td><td class="n">{{ "{:,}".format(size) }}</td></tr>
{% endfor %}
</table>
{% endif %}
{% if seen.files %}
<h3>Last files (rows)</h3>
<table>
{% for file in seen.files %}
<tr><td>{{ file.name }}</td><td class="n">{{ "{:,}".format(file.rows) }}</td></tr>
{% endfor %}
</table>
{% endif %}
{% if seen.messages %}
<h3>Last messages</h3>
<table>
{% for message in seen.messages %}
<tr><td class="to">{{ message.recipient }}</td><td>{{ message.body }}</td></tr>
{% endfor %}
</table>
{% endif %}
{% endif %}
</section>
{% endfor %}
</div>
<section class="wide">
<h2>Last requests</h2>
<table>
<tr><th>Time (UTC)</th><th>Destination</th><th>Request</th>
<th class="n">Rows</th><th class="n">Bytes</th><th class="n">Status</th></tr>
{% for r in requests %}
<tr><td>{{ r.received_at }}</td><td>{{ r.destination }}</td><td>{{ r.method }} /{{ r.path }}</td>
<td class="n">{{ "{:,}".format(r.rows) }}</td><td class="n">{{ "{:,}".format(r.bytes) }}</td>
<td class="n{% if r.status >= 400 %} bad{% endif %}">{{ r.status }}</td></tr>
{% endfor %}
</table>
</section>
</body>
</html>
"""
_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_NUMBER = re.compile(r"\+?\d[\d-]{8,}\d")


def render(store: Store) -> str:
    """The page as it is now, complete in one file."""
    requests = store.rows("select * from request order by id desc limit ?", [_SHOWN_REQUESTS])
    destinations = {
        name: {
            "requests": seen["requests"],
            "counts": {key: n for key, n in seen.items() if isinstance(n, int) and n},
            "lists": seen["lists"],
            "messages": _last_messages(store, name),
        }
        for name, seen in state(store).items()
    }
    destinations["csv_file"]["files"] = store.rows(
        "select name, rows from file order by rowid desc limit ?", [_SHOWN_MESSAGES]
    )
    return _TEMPLATE.render(destinations=destinations, requests=requests)


def mask(address: str) -> str:
    """Enough of an address to recognise a test person by, too little to reach anybody."""
    mailbox, at, domain = address.partition("@")
    if at:
        return f"{mailbox[:1]}***@{domain[:1]}***.{domain.rpartition('.')[2]}"
    return f"{address[:3]}***{address[-2:]}"


def _last_messages(store: Store, destination: str) -> list[dict[str, str]]:
    found = store.rows(
        "select recipient, body from message where destination = ? order by id desc limit ?",
        [destination, _SHOWN_MESSAGES],
    )
    return [
        {"recipient": mask(message["recipient"]), "body": _without_addresses(message["body"])}
        for message in found
    ]


def _without_addresses(text: str) -> str:
    for pattern in (_ADDRESS, _NUMBER):
        text = pattern.sub("***", text)
    return text
