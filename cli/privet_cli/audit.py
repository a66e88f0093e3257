"""`privet audit`: the group. Its commands stand in audit_query.py and audit_proof.py."""

import click

from privet_cli.lazy import Place, Sections

_QUERY, _PROOF = "privet_cli.audit_query", "privet_cli.audit_proof"
COMMANDS = {
    "Read": {
        "query": Place(_QUERY, "query", "Search the log, newest first."),
        "show": Place(_QUERY, "show", "Show one entry with all that the log says of it."),
        "replay": Place(
            _QUERY, "replay", "Decide a logged question again, by the rules of that day, and compare."
        ),
    },
    "Prove": {
        "verify": Place(_PROOF, "verify", "Rebuild the whole log and hold it against what was signed."),
        "checkpoint": Place(_PROOF, "checkpoint", "Sign a checkpoint over the log and print it."),
        "prove": Place(_PROOF, "prove", "Make a proof that the log holds an entry."),
        "check-proof": Place(_PROOF, "check_proof", "Check a proof offline."),
    },
}


@click.group(cls=Sections, places=COMMANDS)
def audit() -> None:
    """Query, verify and prove the log.

    Queries are themselves logged.

    \b
    Examples:
      $ privet audit query --service newsletter --decision refuse --since 7d
      $ privet audit verify
      $ privet audit prove 01980f3a6d2b7c4e8f901a2b3c4d5e6f -o entry.tlog-proof
    """
