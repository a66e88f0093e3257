"""What the service writes, the client reads: the encoder of the one against the reader of the other."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from privet.domain.answer import History, Record, Refusal, View, Withheld
from privet.errors import Unavailable
from privet.http.wire import Wire
from privet.sdk import answers

WIRE = Wire()
zones = st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30)), timezone(timedelta(hours=14))])
moments = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001  the zones are drawn
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=zones,
).map(lambda moment: moment.replace(fold=0))
texts = st.text(st.characters(codec="utf-8"), max_size=12)


def storable(number: Decimal) -> bool:
    return -34 <= int(number.as_tuple().exponent) <= 34


numbers = st.decimals(allow_nan=False, allow_infinity=False).filter(storable)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
kinds = (texts, integers, st.booleans(), numbers, st.dates(), moments)
held = st.one_of(st.none(), *kinds, *(st.lists(kind, max_size=3) for kind in kinds))
names = st.text("abcdefgh._", min_size=1, max_size=8)
values = st.dictionaries(names, held, max_size=6)
withheld = st.dictionaries(names, st.builds(Withheld, texts, texts), max_size=3)
ids = st.text("0123456789abcdef", min_size=32, max_size=32)
subjects = st.text("abcXYZ_-0123", min_size=1, max_size=60)
views = st.builds(View, subject=subjects, values=values, withheld=withheld, audit_id=ids, revision=subjects)
refusals = st.builds(
    Refusal,
    reasons=st.lists(texts, max_size=3).map(tuple),
    withheld=withheld,
    message=texts,
    audit_id=ids | st.just(""),
)
COLUMNS: Mapping[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "sum": numbers,
    "day": st.dates(),
    "at": moments | st.dates(),
}
records = st.builds(
    Record,
    id=subjects,
    time=st.none() | st.dates() | moments,
    values=st.fixed_dictionaries({name: st.none() | kind for name, kind in COLUMNS.items()}),
)
histories = st.builds(
    History, records=st.lists(records, max_size=4).map(tuple), withheld=withheld, audit_id=ids
)


def types(given: Mapping[str, Any]) -> list[object]:
    return [[type(one) for one in v] if isinstance(v, list) else type(v) for v in given.values()]


@given(views)
def test_a_view_is_read_as_it_was_written(view: View) -> None:
    """Equal, in its order, of the same types."""
    read = answers.parse_view(answers.parse_json(WIRE.view(view)))
    assert read == view
    assert list(read.values) == list(view.values)
    assert types(read.values) == types(view.values)
    assert [str(value) for value in read.values.values()] == [str(value) for value in view.values.values()]


@given(st.lists(views | refusals, max_size=4))
def test_many_are_read_as_they_were_written(many: list[View | Refusal]) -> None:
    """In order, each what it was."""
    assert answers.parse_many(len(many))(answers.parse_json(WIRE.many(many))) == many


@given(histories)
def test_a_history_is_read_as_it_was_written(history: History) -> None:
    """Dates beside datetimes in one column included."""
    read = answers.parse_history(answers.parse_json(WIRE.history(history)))
    assert read == history
    assert [types(record.values) for record in read] == [types(record.values) for record in history]
    assert date not in {type(record.time) for record in read if isinstance(record.time, datetime)}


@given(views, st.data())
def test_a_view_with_anything_else_in_it_is_refused_or_read(view: View, data: st.DataObject) -> None:
    """One member replaced by any JSON: a View or Unavailable, never another error."""
    answer = orjson.loads(WIRE.view(view))
    name = data.draw(st.sampled_from(sorted(answer)))
    json: st.SearchStrategy[Any] = st.recursive(
        st.none() | st.booleans() | integers | st.floats(allow_nan=False) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=6,
    )
    answer[name] = data.draw(json)
    with contextlib.suppress(Unavailable):
        assert isinstance(answers.parse_view(answer), View)
