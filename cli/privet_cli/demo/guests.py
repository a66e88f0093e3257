"""The guests and stays that the demo imports: real bookings, given to invented people.

The bookings are real (hotel/README.md); their dates are moved on by whole weeks, so that the last was last week. Names,
addresses, numbers, preferences, allergies, consents and the second hotel are invented, from a fixed seed. Refuses to
call any of that real.
"""

import csv
import gzip
import io
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

from privet_cli.demo.people import People

SEED = 2019
_ALLERGIES = (
    "peanuts",
    "shellfish",
    "gluten",
    "lactose",
    "eggs",
    "sesame",
    "soya",
    "tree nuts",
    "celery",
    "mustard",
)
_GUEST_COLUMNS = (
    "guest_id", "first_name", "last_name", "email", "phone", "country", "bed", "extra_towels", "breakfast",
    "allergies", "newsletter", "kitchen_may_know", "asked_on", "asked_where",
)  # fmt: skip
_STAY_COLUMNS = (
    "guest_id", "booking", "arrived", "hotel", "weekend_nights", "week_nights", "adults", "children", "babies",
    "meal", "room_type", "parking_spaces", "special_requests", "rate",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class Guest:
    """One invented guest, with rows of the real bookings."""

    number: int
    country: str
    given: str = field(repr=False)
    family: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    invented: dict[str, str] = field(repr=False)
    stays: list[dict[str, str]] = field(default_factory=list, repr=False)

    @property
    def guest_id(self) -> str:
        return f"G{self.number:05d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Guests:
    """All of them. `johnson` is the one whom the story is about."""

    people: tuple[Guest, ...] = field(repr=False)
    johnson: Guest
    stays: int

    def write(self, guests: Path, stays: Path) -> None:
        """Two CSV files, as a booking system would hand them over."""
        with guests.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _GUEST_COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(_guest_row(guest) for guest in self.people)
        with stays.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _STAY_COLUMNS, lineterminator="\n")
            writer.writeheader()
            for guest in self.people:
                writer.writerows({"guest_id": guest.guest_id, **stay} for stay in guest.stays)


def read_bookings() -> list[dict[str, str]]:
    """The real bookings, in order of arrival."""
    packed = files("privet_cli.demo").joinpath("hotel/bookings.csv.gz").read_bytes()
    return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode(), newline="")))


def make_guests(today: date, *, most: int | None = None) -> Guests:
    """Guests for the bookings. `most`: only so many bookings, for a small example."""
    bookings = read_bookings()[:most]
    dice = random.Random(SEED)  # noqa: S311  invented people are to be the same each time
    people, made = People(dice), list[Guest]()
    of_country: defaultdict[str, list[Guest]] = defaultdict(list)
    last = date.fromisoformat(bookings[-1]["arrival_date"])
    moved = timedelta(weeks=max(0, (today - last).days // 7))
    for booking in bookings:
        country = booking["country"]
        known = of_country[country]
        if booking["repeated_guest"] == "1" and known:
            guest = dice.choice(known)
        else:
            guest = _invent(len(made) + 1, country, people, dice)
            made.append(guest)
            known.append(guest)
        arrived = date.fromisoformat(booking["arrival_date"]) + moved
        guest.stays.append(_stay(booking, arrived, dice))
    for guest in made:
        guest.invented["asked_on"] = guest.stays[0]["arrived"]
    johnson = max(of_country["gbr"], key=lambda guest: (len(guest.stays), -guest.number))
    _make_johnson(johnson)
    return Guests(people=tuple(made), johnson=johnson, stays=len(bookings))


def _invent(number: int, country: str, people: People, dice: random.Random) -> Guest:
    given, family = people.name(country)
    allergies = dice.sample(_ALLERGIES, dice.choice((1, 1, 1, 2))) if dice.random() < 0.12 else []
    invented = {
        "bed": dice.choice(("king", "king", "twin")),
        "extra_towels": dice.choice(("yes", "no", "no")),
        "breakfast": dice.choice(("none", "continental", "continental", "full", "full", "vegetarian")),
        "allergies": ";".join(allergies),
        "newsletter": dice.choice(("yes", "no", "", "", "")),
        "kitchen_may_know": dice.choice(("yes", "yes", "no")) if allergies else "",
        "asked_where": "card at the reception desk",
    }
    return Guest(
        number=number,
        country=country,
        given=given,
        family=family,
        email=people.email(given, family),
        phone=people.phone(country),
        invented=invented,
    )


def _make_johnson(guest: Guest) -> None:
    guest.given, guest.family = "Eleanor", "Johnson"
    guest.email = "eleanor.johnson@example.org"
    guest.phone = "+442079460718"
    guest.invented |= {"bed": "king", "extra_towels": "yes", "breakfast": "vegetarian"}
    # She told the resort of her allergies, and was never asked about the kitchen or the newsletter.
    guest.invented |= {"allergies": "peanuts;shellfish", "newsletter": "", "kitchen_may_know": ""}
    for stay in guest.stays:
        stay["hotel"] = "resort"


def _stay(booking: dict[str, str], arrived: date, dice: random.Random) -> dict[str, str]:
    return {
        "booking": f"B{int(booking['booking']):06d}",
        "arrived": arrived.isoformat(),
        "hotel": "city" if dice.random() < 0.3 else "resort",
        "room_type": booking["assigned_room_type"].upper(),
        "rate": booking["rate_eur"],
        **{
            name: booking[name]
            for name in (
                "weekend_nights", "week_nights", "adults", "children", "babies", "meal", "parking_spaces",
                "special_requests",
            )
        },
    }  # fmt: skip


def _guest_row(guest: Guest) -> dict[str, str]:
    return {
        "guest_id": guest.guest_id,
        "first_name": guest.given,
        "last_name": guest.family,
        "email": guest.email,
        "phone": guest.phone,
        "country": guest.country,
        **guest.invented,
    }
