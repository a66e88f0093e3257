"""Catalogues for the policy tests: one small and written by hand, others drawn at random from a seed."""

import random
from collections.abc import Iterable, Mapping

from privet.domain.catalogue import Catalogue, Collection, Field, LegalBasis, Purpose, Service, ValueType

TEXT = ValueType(kind="string")


def field(
    path: str,
    *,
    allow: Iterable[str] = (),
    masked: Iterable[str] = (),
    prohibit: Iterable[str] = (),
    special: bool = False,
    lookup: bool = False,
    collection: str | None = None,
) -> Field:
    """A field of text; only what the policy looks at can be chosen."""
    return Field(
        path=path,
        number=0,
        type=TEXT,
        category="pd:Name",
        special=special,
        allow=frozenset(allow),
        allow_masked=frozenset(masked),
        prohibit=frozenset(prohibit),
        lookup="unique" if lookup else None,
        collection=collection,
    )


def catalogue(
    fields: Iterable[Field], purposes: Iterable[Purpose], services: Iterable[Service], name: str = "test"
) -> Catalogue:
    """A Catalogue of these; fields with a collection are put into it."""
    profile: dict[str, Field] = {}
    series: dict[str, dict[str, Field]] = {}
    for one in fields:
        if one.collection is None:
            profile[one.path] = one
        else:
            series.setdefault(one.collection, {})[one.name] = one
    collections = {
        key: Collection(
            name=key, number=0, time=next(iter(members)), coarse_time="month", key=None, fields=members
        )
        for key, members in series.items()
    }
    named: Mapping[str, Purpose] = {p.name: p for p in purposes}
    return Catalogue(
        name=name,
        contact="help@example.org",
        fields=profile,
        collections=collections,
        purposes=named,
        services={s.name: s for s in services},
        officers={},
        notices={},
        digest="0" * 64,
        where={f"fields.{path}": f"catalogue.yaml:{line}" for line, path in enumerate(profile, 1)},
    )


def purpose(
    name: str,
    basis: LegalBasis | None,
    *parents: str,
    dpv: str = "dpv:ServiceProvision",
    prohibited: bool = False,
) -> Purpose:
    return Purpose(name=name, dpv=dpv, basis=basis, parents=parents, prohibited=prohibited)


def inn() -> Catalogue:
    """The small catalogue of the known answers: an inn with every kind of rule in it."""
    return catalogue(
        fields=[
            field("given_name", allow=["service"]),
            field("email", allow=["marketing.email"], masked=["service"], lookup=True),
            field("crm_id", lookup=True),
            field("allergies", allow=["meals", "rescue"], prohibit=["marketing"], special=True),
            field("room.bed", allow=["service.stay"]),
            field("motto", allow=["service", "marketing"], masked=["service"], prohibit=["marketing.email"]),
            field("orphan"),
            field("stays.arrived", allow=["service"], collection="stays"),
            field("stays.room", allow=["service"], collection="stays"),
        ],
        purposes=[
            purpose("service", LegalBasis.CONTRACT, dpv="dpv:ServicePersonalisation"),
            purpose("service.stay", LegalBasis.CONTRACT, "service"),
            purpose("meals", LegalBasis.CONTRACT, "service"),
            purpose("marketing", LegalBasis.LEGITIMATE_INTEREST, dpv="dpv:Marketing"),
            purpose("marketing.email", LegalBasis.CONSENT, "marketing", dpv="dpv:DirectMarketing"),
            purpose("law", LegalBasis.LEGAL_OBLIGATION, "service", dpv="dpv:LegalCompliance"),
            purpose("rescue", LegalBasis.VITAL_INTEREST, "service"),
            purpose("resale", None, dpv="dpv:SellDataToThirdParties", prohibited=True),
            purpose("resale.insights", LegalBasis.CONSENT, "resale", dpv="dpv:SellInsightsFromData"),
            purpose("baseless", None),
        ],
        services=[
            Service(
                name="front-desk",
                purposes=frozenset({"service", "service.stay", "law", "rescue"}),
                fields=("given_name", "email", "room.*", "motto", "stays.*", "allergies"),
                find=frozenset({"email"}),
            ),
            Service(name="kitchen", purposes=frozenset({"meals"}), fields=("allergies",)),
            Service(name="mailer", purposes=frozenset({"marketing", "marketing.email"}), fields=("*",)),
            Service(
                name="broker",
                purposes=frozenset({"resale", "resale.insights", "baseless"}),
                fields=("*",),
                find=frozenset({"email"}),
                recipient="Broker Ltd",
            ),
        ],
    )


def drawn(seed: int) -> Catalogue:
    """A catalogue drawn at random: a DAG of purposes, prohibitions, masks, special fields, two collections."""
    dice = random.Random(seed)
    names = [f"p{i}" if i % 5 else f"цель.{i}" for i in range(dice.randint(4, 12))]
    terms = ["dpv:ServiceProvision", "dpv:DirectMarketing", "dpv:Advertising", "dpv:PersonalisedAdvertising"]
    purposes = []
    for index, name in enumerate(names):
        prohibited = dice.random() < 0.03
        parents = dice.sample(names[:index], k=min(index, dice.choice([0, 1, 1, 2])))
        basis = None if prohibited or dice.random() < 0.02 else dice.choice(list(LegalBasis))
        purposes.append(
            purpose(name, basis, *parents, dpv=dice.choice(terms + terms[:1] * 4), prohibited=prohibited)
        )

    def some(most: int) -> list[str]:
        return dice.sample(names, k=min(len(names), dice.randint(0, most)))

    fields = []
    for index in range(dice.randint(4, 16)):
        kind = dice.choice([None, None, None, "stays", "calls"])
        path = (
            dice.choice([f"f{index}", f"room.f{index}", f"naïve {index}"])
            if kind is None
            else f"{kind}.f{index}"
        )
        fields.append(
            field(
                path,
                allow=some(3),
                masked=some(2),
                prohibit=some(2) if dice.random() < 0.3 else (),
                special=dice.random() < 0.2,
                lookup=kind is None and dice.random() < 0.2,
                collection=kind,
            )
        )
    paths = [one.path for one in fields]
    services = [
        Service(
            name=f"service-{index}",
            purposes=frozenset(dice.sample(names, k=dice.randint(1, len(names)))),
            fields=tuple(
                dice.sample([*paths, "*", "room.*", "stays.*"], k=dice.randint(1, min(6, len(paths))))
            ),
            find=frozenset(one.path for one in fields if one.lookup and dice.random() < 0.6),
        )
        for index in range(dice.randint(1, 4))
    ]
    return catalogue(fields, purposes, services, name=f"drawn {seed}")
