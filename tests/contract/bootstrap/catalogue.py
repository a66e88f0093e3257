# ruff: noqa: E501 - a catalogue reads best a line a field
"""A small catalogue for these tests: a shop with a desk, a newsletter and a register."""

CATALOGUE = """
organisation: {name: A Shop, contact: "the counter"}
fields:
  crm_id:     {type: string, category: pd:UID, lookup: unique}
  given_name: {type: string, category: pd:Name, allow: [service-personalisation, marketing.email]}
  email:      {type: email, category: pd:EmailAddress, lookup: unique, allow: [marketing.email], allow_masked: [service-personalisation]}
  phone:      {type: phone, category: pd:TelephoneNumber, lookup: shared, allow: [care]}
  born:       {type: date, category: pd:BirthDate, allow: [care]}
  size:       {type: integer, category: pd:Preference, allow: [service-personalisation], retention: P1Y}
  allergies:  {type: list[string], category: pd:Health, special: true, allow: [care]}
collections:
  purchases:
    time: day
    coarse_time: month
    key: invoice
    retention: P10Y
    fields:
      title:  {type: string, category: pd:Purchase, allow: [service-personalisation]}
      amount: {type: number, category: pd:Transaction, allow: [care]}
  calls:
    time: at
    coarse_time: day
    fields:
      topic: {type: string, category: pd:Communication, allow: [care]}
purposes:
  service-personalisation: {dpv: dpv:ServicePersonalisation, basis: contract}
  care: {dpv: dpv:CustomerCare, basis: contract, notice: care}
  marketing.email: {dpv: dpv:DirectMarketing, basis: consent, notice: marketing, consent_for: P2Y}
  enrolment: {dpv: dpv:AccountManagement, basis: contract}
  resale: {dpv: dpv:SellDataToThirdParties, prohibited: true}
services:
  desk:     {purposes: [service-personalisation, care], fields: [given_name, email, size, allergies, "purchases.*", "calls.*"], find: [email]}
  letters:  {purposes: [marketing.email], fields: [given_name, email], find: [email]}
  register: {purposes: [enrolment], fields: ["*"], enrols: true, collects: [marketing.email, care]}
officers: {ana: {}}
"""
NOTICES = {"marketing": "# Letters\nWe write.\n", "care": "# Care\nWe look after you.\n"}
