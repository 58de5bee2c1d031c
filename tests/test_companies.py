"""Companies: groups by capital ties against an oracle, and the models' own rules."""

from golden_kit import parents, world


def walk(child: int, held: dict[int, int | None]) -> list[int]:
    """A company and those above it, until the top or a company that was there already."""
    seen = [child]
    while (parent := held[seen[-1]]) is not None:
        if parent in seen:
            return [*seen, parent]
        seen.append(parent)
    return seen


def expected_head(child: int, held: dict[int, int | None]) -> int:
    """The first company upwards that nobody holds, or whose tie belongs to a cycle."""
    return next(
        above
        for above in walk(child, held)
        if held[above] is None or walk(above, held)[1:][-1:] == [above]
    )


def test_groups_follow_ties_over_any_depth_and_stop_at_cycles() -> None:
    held = parents()
    rows = world().rows("select * from marts.company_groups")
    heads = {int(row["company_id"][1:]): int(row["group_id"][1:]) for row in rows}
    assert heads == {child: expected_head(child, held) for child in held}
    assert max(row["depth"] for row in rows) > 40
    for row in rows:
        path = walk(int(row["company_id"][1:]), held)
        in_cycle = len(path) > 1 and path[-1] == path[0]
        reason = " > ".join(f"C{company:03}" for company in path)
        assert row["refused_reason"] == (f"cycle of capital ties: {reason}" if in_cycle else None)
