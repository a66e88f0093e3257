"""The catalogue of the design page, completed only where it has dots: the texts that outside tests will write."""

SAMPLE = """\
fields:
  given_name: {type: string, category: pd:Name, allow: [service-personalisation]}
  crm_id:     {type: string, category: pd:UID, lookup: unique}
  email:      {type: email,  category: pd:EmailAddress, lookup: unique, allow: [marketing.email], allow_masked: [service-personalisation]}
  allergies:  {type: list[string], category: pd:Health, special: true, allow: [meal-preparation], prohibit: [marketing.email]}
  room.bed:   {type: enum[king, twin], category: pd:Preference, allow: [service-personalisation], retention: P3Y}
collections:
  stays: {time: arrived, coarse_time: month, key: booking, fields: {room: {type: string, category: pd:RoomNumber, allow: [service-personalisation]}}, retention: P10Y}
purposes:
  service-provision: {dpv: dpv:ServiceProvision, basis: contract}
  service-personalisation: {dpv: dpv:ServicePersonalisation, parents: [service-provision], basis: contract}
  marketing.email: {dpv: dpv:DirectMarketing, basis: consent, notice: marketing}
  resale: {dpv: dpv:SellDataToThirdParties, prohibited: true}   # no service and no consent can lift it
  meal-preparation: {dpv: dpv:RequestedServiceProvision, basis: consent, notice: meals}
  enrolment: {dpv: dpv:CustomerManagement, basis: contract}
services:
  front-desk: {purposes: [service-personalisation], fields: [given_name, room.*], find: [email]}
  web-shop:   {purposes: [enrolment], fields: ["*"], enrols: true, collects: [marketing.email]}
officers: {ana: {oidc: {issuer: "https://login.example.org", subject: "1234"}}}
"""  # noqa: E501 - as the design page has it

NOTICES = {"marketing": "May we write to you?\n", "meals": "May the kitchen know?\n"}
