"""`privet policy`: the group. Its commands stand in policy_check.py, _explain.py, _pause.py and _bundle.py."""

import click

from privet_cli.lazy import Place, Sections

_PAUSE = "privet_cli.policy_pause"
_BUNDLE = "privet_cli.policy_bundle"
COMMANDS = {
    "Rules": {
        "check": Place("privet_cli.policy_check", "check", "Check catalogue.yaml and its notices."),
        "show": Place("privet_cli.policy_check", "show", "Say which policy is in force."),
        "explain": Place(
            "privet_cli.policy_explain", "explain", "Say why a service gets a field or does not."
        ),
        "test": Place("privet_cli.policy_check", "test", "Test the rules, with your own cases."),
    },
    "A policy server": {
        "bundle": Place(_BUNDLE, "bundle", "Build and sign the bundle for an OPA server."),
        "key": Place(_BUNDLE, "key", "Make a key to sign bundles with."),
        "token": Place(_BUNDLE, "token", "Make a token for asking OPA."),
    },
    "Pauses": {
        "pause": Place(_PAUSE, "pause", "Pause a purpose or a service, at once."),
        "resume": Place(_PAUSE, "resume", "Lift a pause."),
        "paused": Place(_PAUSE, "paused", "List what is paused."),
    },
}


@click.group(cls=Sections, places=COMMANDS)
def policy() -> None:
    """Check, test, show and explain the rules.

    \b
    Examples:
      $ privet policy check
      $ privet policy explain --as newsletter --purpose marketing.email --field email
      $ privet policy test
      $ privet policy pause marketing.email --as ana
    """
