"""6, second half: the same in her browser, and a service that asks over HTTP hears of it at once."""

import zipfile
from importlib.util import find_spec

import privet
from privet.bootstrap.credentials import create_key, revoke_key
from privet.errors import AccessDenied, Unauthenticated
from privet_cli.demo.service import Browser, RunningService
from privet_cli.demo.stage import DemoFailed, Stage, check

_PURPOSE = "meal-preparation"


def tell(stage: Stage) -> None:
    screen = stage.screen
    if find_spec("uvicorn") is None:
        screen.tell(
            "(She has it as web pages too: `pip install 'privet[server]'`, and they are part of this story.)"
        )
        return
    screen.tell(
        "All this she has as web pages too, served by the process that answers the services. A code goes to the"
        " address that is stored; without a mail server, to the terminal of whoever runs it:"
    )
    key = create_key(stage.vault.parts, "kitchen")
    stage.rest()
    screen.call("$ privet serve --show-codes        kitchen = privet.Client(url, token=…)")
    with RunningService(stage) as service, privet.Client(service.url, token=key.text) as kitchen:
        browser = Browser(service.url)
        _sign_in(stage, service, browser)
        pages = [browser.get(f"/my/{name}") for name in ("held", "used", "choices", "download")]
        check(all("<script" not in page.text for page in pages), "a page has a script")
        check("Johnson" in pages[0].words and "kitchen" in pages[1].words.lower(), "her pages are not hers")
        size = sum(page.size for page in pages) / 1000
        screen.fact("her pages", f"“{'”, “'.join(page.title for page in pages)}”: {size:.0f} kB, no script")
        export = stage.work / "johnson-web.zip"
        browser.save("/my/download", export)
        with zipfile.ZipFile(export) as packed:
            check("profile.json" in packed.namelist(), "her download has no profile")
        _switch(stage, browser, kitchen)
        revoke_key(stage.vault.parts, key.id)
        stage.rest()
        try:
            kitchen.fetch(stage.her, purpose=_PURPOSE, fields=["allergies"])
        except Unauthenticated:
            screen.fact("revoked", "the kitchen's key, while it served: its next request is nobody's")
        else:
            check(False, "a revoked key was taken")


def _sign_in(stage: Stage, service: RunningService, browser: Browser) -> None:
    browser.get("/my/sign-in")
    browser.post("/my/sign-in", address=stage.johnson.email)
    code = service.read_code()
    stage.screen.fact("her code", code)
    page = browser.post("/my/code", code=code)
    check(page.path.rstrip("/") == "/my", "the code did not sign her in")


def _switch(stage: Stage, browser: Browser, kitchen: privet.Client) -> None:
    """Off, and on again: each time the kitchen's next request obeys."""

    def ask() -> privet.View:
        return kitchen.fetch(stage.her, purpose=_PURPOSE, fields=["allergies"])

    view = ask()
    check(bool(view["allergies"]), "the kitchen was refused over HTTP")
    stage.screen.fact(
        "kitchen", f"{', '.join(map(str, _items(view)))}: over HTTP as in the program", colour="green"
    )
    browser.get("/my/choices")
    browser.post("/my/choices", purpose=_PURPOSE, wish="no")
    try:
        ask()
    except AccessDenied as denied:
        stage.screen.refused("switched off", ", ".join(denied.reasons), denied.message)
    else:
        check(False, "the kitchen got an answer after she had switched it off")
    page = browser.get("/my/choices")
    browser.post("/my/choices", purpose=_PURPOSE, wish="yes", notice=_notice(page.text))
    check(bool(ask()["allergies"]), "the kitchen was refused after she had switched it on again")


def _items(view: privet.View) -> list[object]:
    held = view["allergies"]
    return list(held) if isinstance(held, list | tuple) else [held]


def _notice(text: str) -> str:
    """The version of the notice that stands beside the purpose on her page."""
    place = text.find(f'name="purpose" value="{_PURPOSE}"')
    mark = 'name="notice" value="'
    start = text.find(mark, place)
    if place < 0 or start < 0:
        raise DemoFailed("her page does not offer to say yes again")
    return text[start + len(mark) :].partition('"')[0]
