"""Questions drawn at random from a seed: mostly ones that a vault would ask, some that nothing should ever ask."""

import random
from collections.abc import Iterator
from typing import Any

import orjson

from privet.domain.catalogue import Catalogue
from tests.contract.policy.straight import STATUS

ODD = [
    *(
        "",
        " ",
        "*",
        "room.*",
        "\x00",
        "a\x00b",
        "é",
        "e\u0301",
        "Ω≈ç√",
        "用户",
        "🏨",
        "\u202eabc",
        "\ufeff",
        "\ufffd",
    ),
    *(
        '"',
        "\\",
        "{{",
        "true",
        "null",
        "0",
        "data.privet",
        "__proto__",
        "x" * 300,
        "İstanbul",
        "\u2028",
        "\x7f",
    ),
    "service-1 ",
]
WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    1.5,
    2**53,
    "",
    "text",
    [],
    ["x"],
    [1],
    [None],
    [[]],
    {},
    {"a": 1},
]
PLACES = [
    *((key,) for key in ("service", "operation", "purpose", "recipient", "lookup", "fields", "consent")),
    *(("subject", key) for key in ("restricted", "objected", "minor", "relationship", "expired")),
    *(("controls", key) for key in ("paused", "budget_spent", "break_glass")),
    ("subject",),
    ("controls",),
]


def question(catalogue: Catalogue, dice: random.Random) -> dict[str, Any]:
    """One well-formed question about this catalogue; names are now and then ones it does not know."""
    purposes, services, fields = (
        list(catalogue.purposes),
        list(catalogue.services),
        list(catalogue.every_field),
    )

    def odd(known: list[str], chance: float = 0.04) -> str:
        return dice.choice(ODD) if dice.random() < chance or not known else dice.choice(known)

    def few(known: list[str], most: int, chance: float) -> list[str]:
        return [odd(known) for _ in range(dice.randint(1, most))] if dice.random() < chance else []

    service = odd(services)
    claims = sorted(catalogue.services[service].purposes) if service in catalogue.services else []
    finds = sorted(catalogue.services[service].find) if service in catalogue.services else []
    operation = dice.choice(["read", "read", "read", "find", "history", "write"])
    fits = [p for p in fields if operation == "write" or (p in catalogue.fields) == (operation != "history")]
    purpose = odd(claims if dice.random() < 0.85 and claims else purposes)
    return {
        "service": service,
        "operation": operation,
        "purpose": purpose,
        "recipient": dice.choice(["", "", "Broker Ltd"]),
        "lookup": odd(finds or ["email"], 0.02) if dice.random() < 0.3 else "",
        "fields": [odd(fits if dice.random() < 0.9 else fields) for _ in range(dice.randint(1, 10))],
        "consent": {purpose: dice.choice([*STATUS, "given", "given", "given"])}
        if dice.random() < 0.97
        else {},
        "subject": {
            "restricted": dice.random() < 0.07,
            "objected": few(purposes, 2, 0.15),
            "minor": dice.random() < 0.25,
            "relationship": few(["customer", "former"], 1, 0.2),
            "expired": few(fields, 3, 0.2),
        },
        "controls": {
            "paused": few(purposes + services, 2, 0.08),
            "budget_spent": dice.random() < 0.04,
            "break_glass": dice.random() < 0.3,
        },
    }


def spoilt(asked: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The same with a key missing, of a wrong type, or too many."""
    copy: dict[str, Any] = orjson.loads(orjson.dumps(asked))
    for _ in range(dice.choice([1, 1, 1, 2])):
        *way, last = dice.choice(PLACES)
        inner = copy
        for step in way:
            inner = inner.get(step) if isinstance(inner.get(step), dict) else {}  # type: ignore[assignment]
        match dice.randrange(4):
            case 0:
                inner.pop(last, None)
            case 1 if isinstance(inner.get(last), list):
                inner[last].append(dice.choice(WRONG))
            case 2:
                inner[dice.choice(ODD)] = dice.choice(WRONG)
            case _:
                inner[last] = dice.choice(WRONG)
    return copy


def questions(catalogue: Catalogue, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """`count` questions, about one in seven of them spoilt."""
    dice = random.Random(seed)
    for _ in range(count):
        one = question(catalogue, dice)
        yield spoilt(one, dice) if dice.random() < 0.15 else one


def canonical(asked: dict[str, Any]) -> bytes:
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
