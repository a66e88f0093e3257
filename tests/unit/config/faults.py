"""Edits that break a small catalogue, each with the one line that must be said about it."""

BASE = """\
fields:
  name: {type: string, category: pd:Name, allow: [care]}
  mail: {type: email, category: pd:EmailAddress, lookup: unique}
purposes:
  care: {dpv: dpv:CustomerCare, basis: contract}
services:
  desk: {purposes: [care], fields: [name], find: [mail]}
"""
FIELD = "  name: {type: string, category: pd:Name, allow: [care]}"
PURPOSE = "  care: {dpv: dpv:CustomerCare, basis: contract}"
SERVICE = "  desk: {purposes: [care], fields: [name], find: [mail]}"
TYPES = "the types are boolean, country, date, datetime, email, enum[…], integer, list[…], …"
FAULTS: list[tuple[str, str, str]] = [
    (
        "allow: [care]",
        "allow: [crae]",
        'c.yaml:2: fields.name.allow: there is no purpose "crae"; did you mean "care"?',
    ),
    (
        "allow: [care]",
        "allow: [zzz]",
        'c.yaml:2: fields.name.allow: there is no purpose "zzz"; the purposes are care',
    ),
    (
        "allow: [care]",
        "allow: care",
        "c.yaml:2: fields.name.allow: must be a list; write it in [ ]",
    ),
    (
        "allow: [care]",
        "allow: [care, 3]",
        "c.yaml:2: fields.name.allow: must be text; put it in quotes",
    ),
    (
        "allow: [care]",
        "alow: [care]",
        'c.yaml:2: fields.name.alow: there is no key "alow"; did you mean "allow"?',
    ),
    (
        "type: string, category: pd:Name",
        "category: pd:Name",
        'c.yaml:2: fields.name: "type" is missing; write for instance type: string',
    ),
    (
        "type: string",
        "type: strng",
        'c.yaml:2: fields.name.type: there is no type "strng"; did you mean "string"?',
    ),
    ("type: string", "type: 3", "c.yaml:2: fields.name.type: must be text; put it in quotes"),
    (
        "type: string",
        "type: enum",
        "c.yaml:2: fields.name.type: an enum needs its members; write for instance enum[king, twin]",
    ),
    (
        "type: string",
        "type: enum[]",
        "c.yaml:2: fields.name.type: an enum needs its members; write for instance enum[king, twin]",
    ),
    (
        "type: string",
        "type: enum[a, b, a]",
        'c.yaml:2: fields.name.type: the enum has "a" twice; keep one',
    ),
    (
        "type: string",
        "type: enum[a, [b]]",
        (
            "c.yaml:2: fields.name.type: the members of an enum are names with commas between; "
            "quote one that has , [ ] in it"
        ),
    ),
    (
        "type: string",
        "type: list",
        "c.yaml:2: fields.name.type: a list needs the type of its items; write for instance list[string]",
    ),
    (
        "type: string",
        "type: list[list[string]]",
        "c.yaml:2: fields.name.type: a list cannot hold lists; make it a collection or list[string]",
    ),
    (
        "type: string",
        "type: list[qqq]",
        f'c.yaml:2: fields.name.type: there is no type "qqq"; {TYPES}',
    ),
    (
        ", category: pd:Name",
        "",
        'c.yaml:2: fields.name: "category" is missing; write for instance category: pd:Preference',
    ),
    (
        "pd:Name",
        "pd:name",
        'c.yaml:2: fields.name.category: "pd:name" has not the form pd:Term; write for instance pd:Preference',
    ),
    (
        "pd:Name",
        "dpv:Name",
        'c.yaml:2: fields.name.category: "dpv:Name" has not the form pd:Term; write for instance pd:Preference',
    ),
    (
        "pd:Name,",
        "pd:Name, special: yes,",
        "c.yaml:2: fields.name.special: must be true or false",
    ),
    (
        "pd:Name,",
        "pd:Name, special: true,",
        (
            "c.yaml:2: fields.name: is special, and no purpose that may use it can have explicit consent or an "
            "Art. 9(2) ground; allow a purpose with basis: consent, give its purpose a notice, or state article9: "
            "on the purpose"
        ),
    ),
    (
        "pd:Name,",
        "pd:Name, retention: 3 years,",
        'c.yaml:2: fields.name.retention: "3 years" is not a duration; write for instance P3Y, P6M or P30D',
    ),
    (
        "pd:Name,",
        "pd:Name, retention: P0D,",
        'c.yaml:2: fields.name.retention: "P0D" is not a duration; write for instance P3Y, P6M or P30D',
    ),
    (
        "pd:Name,",
        "pd:Name, lookup: primary,",
        "c.yaml:2: fields.name.lookup: must be one of 'unique' or 'shared'",
    ),
    (
        "type: string, category: pd:Name,",
        "type: date, category: pd:Name, lookup: unique,",
        "c.yaml:2: fields.name.lookup: type date cannot find people; use string, email or phone",
    ),
    (
        "pd:Name,",
        "pd:Name, min: 3,",
        "c.yaml:2: fields.name.min: only integer, number, date and datetime have this bound; remove it",
    ),
    (
        "pd:Name,",
        "pd:Name, max_items: 3,",
        "c.yaml:2: fields.name.max_items: only list[…] has this bound; remove it",
    ),
    (
        "type: string,",
        "type: boolean, max_length: 3,",
        "c.yaml:2: fields.name.max_length: only string, text, email and phone has this bound; remove it",
    ),
    (
        "pd:Name,",
        "pd:Name, max_length: 0,",
        "c.yaml:2: fields.name.max_length: must be between 1 and 1000000",
    ),
    (
        "type: string,",
        "type: integer, min: 5, max: 3,",
        "c.yaml:2: fields.name.min: is above max; swap them",
    ),
    (
        "type: string,",
        "type: integer, min: 0.5,",
        "c.yaml:2: fields.name.min: is not a whole number; write for instance 0",
    ),
    (
        "type: string,",
        "type: date, min: 01/02/2020,",
        "c.yaml:2: fields.name.min: is not a date; write for instance 1900-01-01",
    ),
    (
        "type: string,",
        'type: datetime, max: "2020-01-01T00:00:00",',
        (
            "c.yaml:2: fields.name.max: is not a date and time with its offset; "
            'write for instance "1900-01-01T00:00:00Z"'
        ),
    ),
    (
        FIELD,
        "  9lives: {type: string, category: pd:Name, allow: [care]}\n  name: {type: string, category: pd:Name}",
        (
            "c.yaml:2: fields.9lives: a name is a letter, then letters, digits, _ or -, and dots between such words, "
            "100 characters at most"
        ),
    ),
    (
        FIELD,
        "  name: text",
        "c.yaml:2: fields.name: must be a mapping of keys; indent them below it or write it in { }",
    ),
    (
        PURPOSE,
        "  care: {basis: contract}",
        'c.yaml:5: purposes.care: "dpv" is missing; write for instance dpv: dpv:ServiceProvision',
    ),
    (
        "dpv: dpv:CustomerCare",
        "dpv: CustomerCare",
        (
            'c.yaml:5: purposes.care.dpv: "CustomerCare" has not the form dpv:Term; '
            "write for instance dpv: dpv:ServiceProvision"
        ),
    ),
    (
        ", basis: contract",
        "",
        'c.yaml:5: purposes.care: "basis" is missing; write for instance basis: consent, or prohibited: true',
    ),
    (
        "basis: contract",
        "basis: contrat",
        'c.yaml:5: purposes.care.basis: there is no legal basis "contrat"; did you mean "contract"?',
    ),
    (
        "basis: contract",
        "basis: contract, parents: [caer]",
        'c.yaml:5: purposes.care.parents: there is no purpose "caer"; did you mean "care"?',
    ),
    (
        "basis: contract",
        "basis: contract, parents: [care]",
        "c.yaml:5: purposes.care.parents: care → care is a cycle; remove one of these parents",
    ),
    (
        "basis: contract",
        "basis: contract, notice: marketing",
        'c.yaml:5: purposes.care.notice: there is no notice "marketing"; create notices/marketing.md beside c.yaml',
    ),
    (
        "basis: contract",
        "basis: contract, consent_for: a year",
        'c.yaml:5: purposes.care.consent_for: "a year" is not a duration; write for instance P3Y, P6M or P30D',
    ),
    (
        "basis: contract",
        "basis: contract, article9: health",
        'c.yaml:5: purposes.care.article9: there is no ground "health"; did you mean "health_care"?',
    ),
    (
        "basis: contract",
        "basis: contract, colour: red",
        (
            'c.yaml:5: purposes.care.colour: there is no key "colour"; the keys here are '
            "article9, basis, consent_for, description, dpv, notice, parents, prohibited"
        ),
    ),
    (
        "fields: [name]",
        "fields: [nmae]",
        'c.yaml:7: services.desk.fields: there is no field "nmae"; did you mean "name"?',
    ),
    (
        "fields: [name]",
        "fields: [name, room.*]",
        'c.yaml:7: services.desk.fields: "room.*" covers no field; write a path, "room.*" for all below it, or "*"',
    ),
    (
        "purposes: [care]",
        "purposes: [car]",
        'c.yaml:7: services.desk.purposes: there is no purpose "car"; did you mean "care"?',
    ),
    (
        "find: [mail]",
        "find: [name]",
        (
            'c.yaml:7: services.desk.find: "name" finds nobody; '
            "give the field lookup: unique or shared, or remove it here"
        ),
    ),
    (
        "find: [mail]",
        "find: [male]",
        'c.yaml:7: services.desk.find: there is no look-up field "male"; did you mean "mail"?',
    ),
    (
        "find: [mail]",
        "collects: [news]",
        'c.yaml:7: services.desk.collects: there is no purpose "news"; the purposes are care',
    ),
    ("find: [mail]", "enrols: 1", "c.yaml:7: services.desk.enrols: must be true or false"),
    (
        SERVICE,
        SERVICE + "\nofficer: {}",
        'c.yaml:8: officer: there is no section "officer"; did you mean "officers"?',
    ),
    (
        SERVICE,
        SERVICE + "\nofficers: {ana: {oidc: {issuer: https://a.example}}}",
        'c.yaml:8: officers.ana.oidc: "subject" is missing; an officer needs both issuer and subject',
    ),
    (
        SERVICE,
        SERVICE + "\nofficers: {ana: {oidc: {isuer: x}}}",
        'c.yaml:8: officers.ana.oidc.isuer: there is no key "isuer"; did you mean "issuer"?',
    ),
    (
        SERVICE,
        SERVICE + "\nofficers: [ana]",
        "c.yaml:8: officers: must be a mapping of names; indent them below it",
    ),
    (
        SERVICE,
        SERVICE + "\norganisation: {nam: X}",
        'c.yaml:8: organisation.nam: there is no key "nam"; did you mean "name"?',
    ),
    (
        "type: string,",
        "type: number, min: NaN,",
        "c.yaml:2: fields.name.min: is not a number; write for instance 0.5",
    ),
    (
        "type: string,",
        "type: integer, min: [1],",
        "c.yaml:2: fields.name.min: must be a number or a date",
    ),
    (
        "type: string",
        f"type: enum[{'a' * 201}]",
        "c.yaml:2: fields.name.type: a member of an enum has 1 to 200 characters",
    ),
    (
        "type: string,",
        f"type: string, description: {'a' * 2001},",
        "c.yaml:2: fields.name.description: is too long; the most is 2000",
    ),
    (
        "find: [mail]",
        'find: [""]',
        "c.yaml:7: services.desk.find: must not be empty; write it or leave the key out",
    ),
]
