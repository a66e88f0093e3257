"""The words of the letters: a code to sign in, a code to prove a new address. No link, no name of hers."""

from typing import NamedTuple


class Letter(NamedTuple):
    subject: str
    text: str


def spaced(code: str) -> str:
    """Digits in two halves, as people read them out."""
    middle = len(code) // 2
    return f"{code[:middle]} {code[middle:]}" if code.isdigit() else code


def sign_in_letter(organisation: str, code: str, minutes: int, contact: str) -> Letter:
    """For the address that is stored."""
    help_line = f"\nQuestions? {contact}\n" if contact else ""
    return Letter(
        f"{spaced(code)} is your sign-in code",
        f"""Hello,

your code for your pages at {organisation} is

    {spaced(code)}

Type it into the page that asked for it. It works once, for {minutes} minutes.

You did not ask for it? Then somebody typed your address, perhaps by mistake. Nobody
gets in without this code: there is nothing you need to do. Never tell it to anybody,
us included.
{help_line}""",
    )


def proof_letter(organisation: str, code: str, contact: str) -> Letter:
    """For the new address that somebody wants to be reached by."""
    help_line = f"\nQuestions? {contact}\n" if contact else ""
    return Letter(
        "Please confirm your new address",
        f"""Hello,

somebody asked {organisation} to use this address for them. If it was you, type this
code into the page that asked for it:

    {code}

It works for 48 hours. If it was not you, there is nothing you need to do.
{help_line}""",
    )
