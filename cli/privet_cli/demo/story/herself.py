"""6: she sees what is held of her, who asked for it and why, and takes it all with her."""

import zipfile

from privet_cli.demo.stage import Stage, check

_SHOWN = 8
_COLUMN = 17


def tell(stage: Stage) -> None:
    screen = stage.screen
    screen.chapter(6, "Ms. Johnson's own page")
    me = stage.vault.customer(stage.her)
    profile = me.profile()
    check(profile["email"] == stage.johnson.email, "her page does not show her address")
    screen.tell("What is held of her:")
    for name, value in profile.items():
        screen.fact(name, value, column=_COLUMN)
    stays = profile.collections["stays"]
    told = "; ".join(f"{stay['hotel']} {stay['arrived']}" for stay in stays)
    screen.fact("stays", f"{len(stays)}: {told}", column=_COLUMN)
    services = stage.vault.parts.catalogue.services
    reads = [access for access in me.accesses() if access.service in services]
    refusals = [access for access in reads if not access.fields and access.withheld]
    check(len(refusals) >= 4, "her page does not show the refusals")
    screen.tell(
        f"Who asked for it, newest first ({min(_SHOWN, len(reads))} of {len(reads)}), with the true reasons:"
    )
    for access in reads[:_SHOWN]:
        got = ", ".join(access.fields) or "nothing"
        reasons = ", ".join(sorted(set(access.withheld.values())))
        refused = f"; refused: {reasons}" if reasons else ""
        screen.fact(access.service, f"{access.purpose}: got {got}{refused}", column=_COLUMN)
    export = stage.work / "johnson.zip"
    me.export(export)
    with zipfile.ZipFile(export) as packed:
        names = packed.namelist()
    receipts = [name for name in names if name.startswith("receipts/")]
    papers = ", ".join(name for name in names if name not in receipts)
    screen.tell(f"And all of it to keep, as johnson.zip: {papers}, and {len(receipts)} receipts.")
