"""A catalogue with every type there is, and collections whose times are told, masked, withheld."""

CATALOGUE = """
organisation: {name: A Clinic, contact: privacy@clinic.example}
fields:
  number:  {type: string, category: pd:UID, lookup: unique}
  name:    {type: string, category: pd:Name, allow: [care]}
  story:   {type: text, category: pd:Communication, allow: [care]}
  visits:  {type: integer, category: pd:Preference, allow: [care], allow_masked: [billing]}
  weight:  {type: number, category: pd:Preference, allow: [care], allow_masked: [billing]}
  vip:     {type: boolean, category: pd:Preference, allow: [care]}
  born:    {type: date, category: pd:BirthDate, allow: [care], allow_masked: [billing]}
  seen:    {type: datetime, category: pd:Preference, allow: [care]}
  mail:    {type: email, category: pd:EmailAddress, allow: [care]}
  phone:   {type: phone, category: pd:TelephoneNumber, allow: [care]}
  home:    {type: country, category: pd:Country, allow: [care]}
  bed:     {type: "enum[king, twin]", category: pd:Preference, allow: [care]}
  words:   {type: "list[string]", category: pd:Preference, allow: [care]}
  sums:    {type: "list[number]", category: pd:Preference, allow: [care], allow_masked: [billing]}
  days:    {type: "list[date]", category: pd:Preference, allow: [care]}
  hours:   {type: "list[datetime]", category: pd:Preference, allow: [care]}
  flags:   {type: "list[boolean]", category: pd:Preference, allow: [care]}
  counts:  {type: "list[integer]", category: pd:Preference, allow: [care]}
collections:
  calls:
    time: at
    coarse_time: day
    category: pd:CallLog
    allow: [care]
    fields:
      at:    {type: datetime}
      topic: {type: string}
      cost:  {type: number}
  stays:
    time: day
    coarse_time: month
    key: booking
    category: pd:ServiceConsumptionBehaviour
    allow: [care]
    fields:
      day:     {type: date, allow: [care], allow_masked: [billing]}
      booking: {type: string, allow: [care, billing]}
  secret:
    time: day
    coarse_time: month
    key: booking
    category: pd:ServiceConsumptionBehaviour
    allow: [care]
    fields:
      day:     {type: date, allow: [billing]}
      booking: {type: string}
purposes:
  care:    {dpv: dpv:CustomerCare, basis: contract}
  billing: {dpv: dpv:PaymentManagement, basis: contract}
  letters: {dpv: dpv:DirectMarketing, basis: consent, notice: letters}
services:
  desk: {purposes: [care, billing], fields: ["*"], find: [number], enrols: true, collects: [letters]}
  paper: {purposes: [letters], fields: [name], find: [number]}
officers: {ana: {}}
"""
NOTICES = {"letters": "# Letters\nWe write.\n"}
