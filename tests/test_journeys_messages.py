"""What is said: templates, their lint, and how the outbox gets its texts."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.journey_commands import MESSAGES, message
from orchestration.messages_page import messages_page
from orchestration.messages_render import render_outbox, variables
from orchestration.messages_templates import BadMessage, lint, render, variables_of
from orchestration.warehouse import DuckDBWarehouse

AS_OF = datetime(2026, 10, 31, 12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sender.toml").write_text(
        'name = "店"\naddress = "東京都1-1"\nopt_out_url = "https://x.example/stop"\n'
    )
    (tmp_path / "m").mkdir()
    return tmp_path


def write(folder: Path, channel: str, text: str) -> None:
    (folder / "m" / f"{channel}.txt").write_text(text)


def test_subject_and_body_are_rendered_from_the_variables(folder: Path) -> None:
    write(folder, "email", "subject: {{ last_name }}様へ\n\n割引券 {{ coupon }}\n{{ sender.name }}")
    text = render("m", "email", {"last_name": "佐藤", "coupon": "A1"}, folder)
    assert (text.subject, text.body) == ("佐藤様へ", "割引券 A1\n店")


def test_channels_without_a_subject_have_a_body_alone(folder: Path) -> None:
    write(folder, "sms", "こんにちは\n")
    assert render("m", "sms", {}, folder).subject is None
    assert render("m", "sms", {}, folder).body == "こんにちは"


@pytest.mark.parametrize("value", [None, "", "absent"])
def test_a_missing_or_empty_variable_stops_the_message(folder: Path, value: str | None) -> None:
    write(folder, "sms", "{{ last_name }} 様")
    given = {} if value == "absent" else {"last_name": value}
    with pytest.raises(BadMessage, match=r"^missing_variable:last_name$"):
        render("m", "sms", given, folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ ''.__class__.__mro__ }}", "bad_template:SecurityError"),
        ("{{ x.append(1) }}", "bad_template:SecurityError"),
        ("{% if %}", "bad_template:TemplateSyntaxError"),
        ("", "bad_template:no text"),
    ],
)
def test_templates_cannot_do_harm(folder: Path, text: str, reason: str) -> None:
    write(folder, "sms", text)
    with pytest.raises(BadMessage, match=reason):
        render("m", "sms", {"x": [1]}, folder)


def test_an_email_needs_a_subject_and_a_template(folder: Path) -> None:
    write(folder, "email", "本文だけ")
    with pytest.raises(BadMessage, match="begins with no line 'subject"):
        render("m", "email", {}, folder)
    with pytest.raises(BadMessage, match=r"no_template:m/push\.txt"):
        render("m", "push", {}, folder)


def test_lint_wants_name_address_and_way_out_in_promotional_mail(folder: Path) -> None:
    write(folder, "email", "subject: s\n\n{{ sender.name }}")
    problems = lint("m", "email", "promotional", folder)
    assert [problem.split("sender's ")[1].split(";")[0] for problem in problems] == [
        "address",
        "opt_out_url",
    ]
    assert lint("m", "email", "transactional", folder) == []


def catalogue() -> list[tuple[dict[str, str], str]]:
    with MESSAGES.open(newline="", encoding="utf-8") as file:
        return [
            (row, channel) for row in csv.DictReader(file) for channel in row["channels"].split()
        ]


def test_a_company_of_the_group_speaks_under_its_own_name(folder: Path) -> None:
    with (folder / "sender.toml").open("a") as file:
        file.write('[sister]\nname = "妹"\naddress = "大阪"\nopt_out_url = "https://y.example"\n')
        file.write('email = "妹 <news@sister.example>"\n')
    write(folder, "email", "subject: s\n\n{{ sender.name }} {{ sender.address }}")
    own, sisters = {"controller_entity": "self"}, {"controller_entity": "sister"}
    text = render("m", "email", sisters, folder)
    assert (text.body, text.sender) == ("妹 大阪", "妹 <news@sister.example>")
    text = render("m", "email", own, folder)
    assert (text.body, text.sender) == ("店 東京都1-1", None)
    with pytest.raises(BadMessage, match="no_sender:stranger"):
        render("m", "email", {"controller_entity": "stranger"}, folder)
    (problem,) = lint("m", "email", "promotional", folder, "sister")
    assert "opt_out_url" in problem


def test_a_company_of_the_group_never_speaks_as_ourselves(folder: Path) -> None:
    with (folder / "sender.toml").open("a") as file:
        file.write('[sister]\nname = "妹"\nemail = "妹 <news@sister.example>"\n')
    for channel in ("sms", "task"):
        write(folder, channel, "本文")
    sisters = {"controller_entity": "sister"}
    with pytest.raises(BadMessage, match=r"^no_sender:sister by sms$"):
        render("m", "sms", sisters, folder)
    assert lint("m", "sms", "service", folder, "sister") == ["m/sms.txt: no_sender:sister by sms"]
    assert render("m", "task", sisters, folder).sender is None  # it stays in the house


def test_variables_of_included_slots_are_variables_of_the_message(folder: Path) -> None:
    (folder / "slots").mkdir()
    (folder / "slots" / "p.txt").write_text("{% for p in products %}{{ p.name }},{% endfor %}")
    write(folder, "sms", "{{ last_name }}: {% include 'slots/p.txt' %}")
    assert variables_of("m", "sms", folder) == {"last_name", "products"}
    given = {"last_name": "佐藤", "products": [{"name": "A"}, {"name": "B"}]}
    assert render("m", "sms", given, folder).body == "佐藤: A,B,"
    with pytest.raises(BadMessage, match="missing_variable:products"):
        render("m", "sms", {"last_name": "佐藤"}, folder)


def test_the_page_shows_every_message_on_every_channel_and_its_problems() -> None:
    rows = [row for row, _ in catalogue()]
    broken = rows[0] | {"message": "no_such_message", "channels": "email"}
    page = messages_page([*rows, broken], {"last_name": "<b>山田</b>"})
    assert page.count("<article") == sum(len(row["channels"].split()) for row in [*rows, broken])
    assert "no_template:no_such_message/email.txt" in page
    assert "&lt;b&gt;山田&lt;/b&gt; 様" in page and "<b>山田" not in page


def test_texts_of_variants_are_linted_like_those_of_their_message() -> None:
    listed = CliRunner().invoke(message, ["preview", "no_such_message", "email"]).output
    assert "welcome_hello_question (email line)" in " ".join(listed.split())
    assert CliRunner().invoke(message, ["lint"]).output == "all templates are in order\n"


def test_every_message_of_the_catalogue_has_lawful_templates() -> None:
    assert len(catalogue()) > 20
    assert [p for row, c in catalogue() for p in lint(row["message"], c, row["class"])] == []


def test_variables_of_journeys_are_declared_as_required() -> None:
    """A customer's own columns may be missing in one text; a journey's must be there for all."""
    with (MESSAGES.parent / "message_variables.csv").open(encoding="utf-8") as file:
        declared = {(row["message"], row["variable"]) for row in csv.DictReader(file)}
    own = {"last_name", "first_name", "prefecture", "coupon_benefit", "coupon_until"}
    used = {
        (row["message"], name)
        for row, channel in catalogue()
        for name in variables_of(row["message"], channel) - own
    }
    assert used and used <= declared


def test_the_outbox_is_rendered_once_and_problems_are_kept(warehouse: DuckDBWarehouse) -> None:
    context = json.dumps({"coupon_code": "B1"})
    named = json.dumps({"last_name": "佐藤", "context": context}, ensure_ascii=False)
    warehouse.execute(
        """
        create schema decisions;
        create table decisions.outbox (send_id varchar, template varchar, channel varchar,
            payload varchar, expires_at timestamp);
        create table decisions.rendered_messages (send_id varchar, subject varchar, body varchar,
            sender varchar, problem varchar, rendered_at timestamp);
        """
    )
    sisters = json.dumps({"controller_entity": "enishi_life", "context": context})
    rows = {
        "named": (named, AS_OF),
        "of_a_sister": (sisters, AS_OF),
        "no_coupon": (json.dumps({"last_name": "佐藤"}), AS_OF),
        "expired": (named, AS_OF - timedelta(seconds=1)),
    }
    for send_id, (payload, expires_at) in rows.items():
        warehouse.execute(
            "insert into decisions.outbox values (?, 'birthday_week_before', 'email', ?, ?)",
            [send_id, payload, expires_at],
        )
    assert render_outbox(warehouse, AS_OF) == 3
    assert render_outbox(warehouse, AS_OF) == 0
    kept = warehouse.rows("select * from decisions.rendered_messages order by send_id")
    assert [(row["send_id"], row["problem"], row["sender"]) for row in kept] == [
        ("named", None, None),
        ("no_coupon", "missing_variable:coupon_code", None),
        ("of_a_sister", None, "えにしライフ <news@life.enishi.example>"),
    ]
    assert "佐藤 様" in kept[0]["body"] and "B1" in kept[0]["body"]
    assert "https://enishi.example/birthday?ct=named\n" in kept[0]["body"]
    assert "https://enishi.example/stop\n" in kept[0]["body"] + "\n"
    assert kept[1]["body"] is None


def test_before_the_first_build_there_is_nothing_to_render(warehouse: DuckDBWarehouse) -> None:
    assert render_outbox(warehouse, AS_OF) == 0


def test_variables_are_the_customers_and_the_journeys(warehouse: DuckDBWarehouse) -> None:
    payload = {"last_name": "佐藤", "context": json.dumps({"plan": "basic"})}
    assert variables(json.dumps(payload)) == {"last_name": "佐藤", "plan": "basic"}


def test_lists_of_slots_are_frozen_as_texts() -> None:
    payload = {"products": json.dumps([{"name": "茶碗"}])}
    assert variables(json.dumps(payload)) == {"products": [{"name": "茶碗"}]}
