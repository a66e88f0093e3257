"""What the desk of the city hotel asks when Ms. Johnson stands before it. Needs PRIVET_VAULT and the passphrase."""

import os

import privet

with privet.Vault.open(os.environ.get("PRIVET_VAULT", ".")) as vault:
    desk = vault.service("city-front-desk")
    view = desk.fetch(
        privet.by(email="eleanor.johnson@example.org"),
        purpose="service-personalisation",
        fields=["given_name", "family_name", "room.*", "meals.breakfast", "email"],
    )
    print(dict(view.values))
    print({field: kept.message for field, kept in view.withheld.items()})
