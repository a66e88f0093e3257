"""Edits that break a catalogue with a collection, each with the one line that must be said about it."""

STAYS = """\
  stays:
    time: arrived
    key: booking
    fields:
      room: {type: string, category: pd:RoomNumber, allow: [care]}
"""
COLLECTION_FAULTS: list[tuple[str, str, str | None]] = [
    (
        "    time: arrived\n",
        "",
        'c.yaml:9: collections.stays: "time" is missing; name the date of a record, for instance time: arrived',
    ),
    (
        "time: arrived",
        "time: room",
        'c.yaml:10: collections.stays.time: "room" is of type string; make it date or datetime',
    ),
    (
        "key: booking",
        "key: arrived",
        "c.yaml:11: collections.stays.key: is the time too; name another value, or leave key out",
    ),
    (
        "      room: {type: string, category: pd:RoomNumber, allow: [care]}\n",
        "      {}\n",
        'c.yaml:9: collections.stays: "fields" is missing; a collection needs at least one field',
    ),
    (
        "allow: [care]}",
        "allow: [care], lookup: unique}",
        (
            "c.yaml:13: collections.stays.fields.room.lookup: "
            "a collection's field cannot find people; make it a profile field"
        ),
    ),
    (
        "key: booking",
        "coarse_time: hour",
        "c.yaml:11: collections.stays.coarse_time: must be one of 'day', 'month' or 'year'",
    ),
    (
        "key: booking",
        "category: RoomNumber",
        None,
    ),
    (
        "allow: [care]",
        "allow: [cure]",
        'c.yaml:13: collections.stays.fields.room.allow: there is no purpose "cure"; did you mean "care"?',
    ),
    (
        "key: booking",
        "prohibit: [cure]",
        'c.yaml:11: collections.stays.prohibit: there is no purpose "cure"; did you mean "care"?',
    ),
    (
        "key: booking",
        "retention: P1H",
        'c.yaml:11: collections.stays.retention: "P1H" is not a duration; write for instance P3Y, P6M or P30D',
    ),
    (
        "  stays:",
        "  name:",
        'c.yaml:2: fields.name: the collection "name" has this path; rename one of them',
    ),
]
