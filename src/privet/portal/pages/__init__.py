"""The pages, one module each: handlers from a call to an answer. `ROUTES` says where each stands."""

from privet.portal.desk import Handler, own
from privet.portal.pages import choices, correct, download, erase, held, home, signing, stopping, used

READ = ("GET",)
SEND = ("POST",)
BOTH = ("GET", "POST")

ROUTES: tuple[tuple[str, tuple[str, ...], Handler], ...] = (
    # (path, methods, handler); `own`: for her alone, once she has signed in
    ("", READ, own(home.home)),
    ("/sign-in", BOTH, signing.sign_in),
    ("/code", BOTH, signing.code),
    ("/sign-out", SEND, own(signing.sign_out)),
    ("/signed-out", READ, signing.signed_out),
    ("/held", READ, own(held.held)),
    ("/held/{collection}", READ, own(held.records)),
    ("/used", READ, own(used.used)),
    ("/choices", BOTH, own(choices.choices)),
    ("/download", BOTH, own(download.download)),
    ("/correct/{field}", BOTH, own(correct.correct)),
    ("/confirm/{field}", BOTH, own(correct.confirm)),
    ("/stop", BOTH, own(stopping.stop)),
    ("/erase", BOTH, own(erase.erase)),
)
