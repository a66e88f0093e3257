"""`privet rights`: the group. Its commands stand in rights_data.py and rights_flags.py."""

import click

from privet_cli.lazy import Place, Sections

_DATA, _FLAGS = "privet_cli.rights_data", "privet_cli.rights_flags"
COMMANDS = {
    "Her data": {
        "access": Place(_DATA, "access", "Show a person all that is held of her, or who saw it (Art. 15)."),
        "correct": Place(_DATA, "correct", "Correct fields of a person's profile (Art. 16)."),
        "confirm": Place(_DATA, "confirm_", "Complete the correction of a look-up field with its code."),
        "export": Place(_DATA, "export", "Write everything held of a person into a plain ZIP (Art. 20)."),
        "erase": Place(_DATA, "erase", "Erase a person for good, by destroying her keys (Art. 17)."),
    },
    "What may be done with it": {
        "restrict": Place(_FLAGS, "restrict", "Restrict processing (Art. 18)."),
        "unrestrict": Place(_FLAGS, "unrestrict", "Lift a restriction."),
        "object": Place(_FLAGS, "object_", "Record an objection to a purpose and all below it (Art. 21)."),
        "unobject": Place(_FLAGS, "unobject", "Take an objection back."),
    },
}


@click.group(cls=Sections, places=COMMANDS)
def rights() -> None:
    """What a person may ask for, done on her behalf.

    Access, correction, restriction, objection, portability, erasure.

    Make sure that it is she who asks. Every act is logged as the steward's, and she can see it in her log.

    \b
    Examples:
      $ privet rights access --by email=ada@example.org
      $ privet rights export --by email=ada@example.org ada.zip
      $ privet rights erase --by email=ada@example.org
    """
