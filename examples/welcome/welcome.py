"""A small service: a welcome for the guest at the desk, and who gets the letters of the week.

Needs PRIVET_URL and PRIVET_TOKEN (or PRIVET_TOKEN_FILE): python welcome.py ada@example.org
"""

import os
import sys
from collections.abc import Iterable, Iterator

import privet


def welcome(desk: privet.Session, email: str) -> str:
    """A sentence for whoever stands there; the same for a stranger as for a guest who wants no fuss."""
    try:
        guest = desk.fetch(
            privet.by(email=email), purpose="service-personalisation", fields=["given_name", "room.bed"]
        )
    except privet.errors.AccessDenied:
        return "Welcome."
    bed = guest.get("room.bed")
    return f"Welcome, {guest['given_name']}." + (f" A room with a {bed} bed, as last time?" if bed else "")


def stays(desk: privet.Session, email: str) -> int:
    """How often she has been here."""
    records = desk.each_record(
        privet.by(email=email), "stays", purpose="service-personalisation", fields=["hotel"]
    )
    return sum(1 for _ in records)


def addresses(mailer: privet.Session, guests: Iterable[str]) -> Iterator[str]:
    """Of those who agreed to letters; the vault knows who they are, and this service never asks."""
    for answer in mailer.fetch_each(guests, purpose="marketing.email", fields=["email"]):
        if isinstance(answer, privet.View):
            yield str(answer["email"])


if __name__ == "__main__":
    with privet.Client(os.environ["PRIVET_URL"]) as desk:
        print(welcome(desk, sys.argv[1]))
