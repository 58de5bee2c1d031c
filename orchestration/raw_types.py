"""SQL expressions that read an incoming value as the raw contract's type, else null."""

from collections.abc import Callable

from orchestration.contract import Column


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def is_blank(column: Column, sql_type: str | None) -> str:
    """A condition: the incoming value is missing, or text of blanks only."""
    if sql_type is None:
        return "true"
    source = f"incoming.{quoted(column.name)}"
    return f"{source} is null or trim(cast({source} as varchar)) = ''"


def typed_expression(column: Column, sql_type: str | None) -> str:
    """SQL that turns an incoming value into the contract's type, null where it cannot."""
    if sql_type is None:
        return f"cast(null as {column.sql_type})"
    source = f"incoming.{quoted(column.name)}"
    if sql_type.startswith("TIMESTAMP WITH TIME ZONE"):
        source = f"timezone('Asia/Tokyo', {source})"
    elif sql_type in ("DOUBLE", "FLOAT") and column.type == "string":
        # identifiers that a tool kept as numbers: 9012345678.0 was 9012345678
        whole = f"cast(cast({source} as bigint) as varchar)"
        source = (
            f"case when {source} = trunc({source}) then {whole} else cast({source} as varchar) end"
        )
    elif sql_type == "VARCHAR" and column.type != "string":
        return _PARSERS[column.type](f"trim({source})")
    return f"try_cast({source} as {column.sql_type})"


def _number(sql_type: str) -> Callable[[str], str]:
    return lambda text: f"try_cast(replace(replace({text}, ',', ''), '¥', '') as {sql_type})"


def _boolean(text: str) -> str:
    return (
        f"case when lower({text}) in ('true', 't', '1', '1.0', 'yes', 'y') then true "
        f"when lower({text}) in ('false', 'f', '0', '0.0', 'no', 'n') then false end"
    )


def _timestamp(text: str) -> str:
    """Tokyo wall-clock; a written zone is resolved first, since a plain cast would drop it."""
    return (
        f"case when regexp_matches({text}, ':[0-9.]+ ?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') "
        f"then timezone('Asia/Tokyo', try_cast({text} as timestamptz)) "
        f"else coalesce(try_cast(replace({text}, '/', '-') as timestamp), "
        f"try_strptime({text}, ['%Y%m%d', '%Y%m%d%H%M%S', '%Y-%m-%d %H:%M', '%Y/%m/%d %H:%M', "
        f"'%Y年%m月%d日', '%Y年%m月%d日 %H:%M', '%Y年%m月%d日 %H時%M分'])) end"
    )


def _date(text: str) -> str:
    return f"cast({_timestamp(text)} as date)"


_PARSERS: dict[str, Callable[[str], str]] = {
    "bigint": _number("bigint"),
    "float": _number("double"),
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
