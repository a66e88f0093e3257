"""2 to 5: four services ask about the same guest, each for its purpose, and each gets what that purpose needs."""

import json
from typing import cast

from privet import View
from privet.consent.receipt import verify_receipt
from privet.errors import AccessDenied, InvalidInput
from privet_cli.demo.stage import Stage, check, get_refusal

PERSONALISATION = "service-personalisation"
GREETING = ("given_name", "family_name", "room.bed", "room.extra_towels", "meals.breakfast", "phone")


def front_desk(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(2, "The other hotel knows her")
    screen.tell(
        "Ms. Johnson has stayed at the resort. Tonight she stands at the desk of the city hotel, which has"
        " never seen her, and gives her email address. The desk asks for what makes a guest feel at home:"
    )
    desk = stage.vault.service("city-front-desk")
    screen.call("desk.find(email=…)  desk.fetch(…)  desk.history(…, 'stays')  for service-personalisation")
    found = desk.find(email=stage.johnson.email, purpose=PERSONALISATION)
    check(found is not None, "the desk did not find her")
    guest = cast("str", found)
    view = desk.fetch(guest, purpose=PERSONALISATION, fields=[*GREETING, "email"])
    stays = desk.history(
        guest, "stays", purpose=PERSONALISATION, fields=["hotel", "arrived", "meal"], limit=1
    )
    check(set(view.values) == set(GREETING) and len(stays) == 1, "the desk got something else")
    check(view["phone"] != stage.johnson.phone, "the phone number was not masked")
    last = stays[0]
    screen.fact("name", f"{view['given_name']} {view['family_name']}")
    screen.fact("bed", view["room.bed"])
    screen.fact("extra towels", view["room.extra_towels"])
    screen.fact("breakfast", view["meals.breakfast"])
    screen.fact("last stay", f"{last['hotel']}, {last['arrived']}, {str(last['meal']).replace('_', ' ')}")
    screen.fact("phone", f"{view['phone']} (masked)")
    _withheld(stage, view, "email")
    screen.tell(
        "“Welcome, Ms. Johnson. The king bed, with extra towels?” Of her allergies the desk asked nothing"
        " and heard nothing."
    )


def kitchen(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(3, "The kitchen may know one thing, once she says so")
    service = stage.vault.service("kitchen")

    def ask(*fields: str) -> View:
        return service.fetch(stage.her, purpose="meal-preparation", fields=fields)

    screen.call("kitchen.fetch(by(email=…), purpose='meal-preparation', fields=['allergies'])")
    _refused(stage, "before", get_refusal(lambda: ask("allergies"), "the kitchen, before she consented,"))
    screen.tell(
        "Allergies are health data: nobody gets them without her explicit consent, whatever the contract says."
        " She reads the kitchen's notice and says yes."
    )
    stage.vault.customer(stage.her).consent("meal-preparation")
    view = ask("allergies", "family_name")
    check(bool(view["allergies"]) and set(view.values) == {"allergies"}, "the kitchen got something else")
    screen.fact("allergies", view["allergies"])
    _withheld(stage, view, "family_name")


def marketing(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(4, "Marketing asks, and she changes her mind")
    service, me = stage.vault.service("marketing"), stage.vault.customer(stage.her)

    def ask() -> View:
        return service.fetch(stage.her, purpose="marketing.email", fields=["given_name", "email"])

    screen.call("marketing.fetch(by(email=…), purpose='marketing.email', fields=['given_name', 'email'])")
    _refused(stage, "no consent", get_refusal(ask, "marketing, before she consented,"))
    receipt = me.consent("marketing.email")
    verify_receipt(receipt, stage.vault.parts.keyring.signer().public)
    size = len(json.dumps(receipt))
    screen.fact("she says yes", f"and has a receipt: {size:,} bytes of JSON-LD; the vault's signature holds")
    view = ask()
    check(view.get("email") == stage.johnson.email, "marketing did not get her address")
    screen.fact("allowed", f"{view['given_name']}, {view['email']}", colour="green")
    me.withdraw("marketing.email")
    screen.fact("she withdraws", "and the very next read:")
    _refused(stage, "refused", get_refusal(ask, "marketing, after she withdrew,"))
    screen.tell("It hears what it heard at first: whether she ever said yes is her own affair.")


def data_broker(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(5, "The data broker")
    me = stage.vault.customer(stage.her)
    asked = [consent.purpose for consent in me.consents()]
    for purpose in asked:
        me.consent(purpose)
    given = [consent.purpose for consent in me.consents() if consent.status in ("given", "renewed")]
    check(set(given) == set(asked), "a consent was not recorded")
    screen.tell(
        "Suppose Ms. Johnson said yes to everything there is to say yes to:"
        f" {', '.join(sorted(given))}. Now Harvest Data Ltd asks for her data, to sell it:"
    )
    broker = stage.vault.service("data-broker")
    screen.call("broker.fetch(by(email=…), purpose='resale', fields=['*'])")
    denied = get_refusal(lambda: broker.fetch(stage.her, purpose="resale", fields=["*"]), "the broker")
    check(denied.reasons == ("purpose_prohibited",), f"the broker was refused for {denied.reasons}")
    _refused(stage, "refused", denied)
    try:
        me.consent("resale")
    except InvalidInput as error:
        screen.fact("even her yes", f"✗ {error.message}", colour="yellow")
    else:
        check(False, "a consent to resale was taken")
    for purpose in asked:
        if purpose != "meal-preparation":
            me.withdraw(purpose)
    screen.tell("She takes it all back but her yes for the kitchen.")


def _withheld(stage: Stage, view: View, field: str) -> None:
    kept = view.withheld[field]
    stage.screen.refused(field, kept.reason, kept.message)


def _refused(stage: Stage, when: str, denied: AccessDenied) -> None:
    stage.screen.refused(when, ", ".join(denied.reasons), denied.message)
