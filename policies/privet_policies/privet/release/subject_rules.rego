# Rules on the person. Restriction, objection, age, consent and retention: what the vault knows of her now.
# They come after every rule that does not look at her. None of them stops a write: storing what she may later
# see, correct or erase is not a release.

package privet.release

# METADATA
# title: Processing is restricted
# description: She had processing restricted (GDPR Art. 18). Only a vital interest under break-glass passes.
# custom:
#   rule: restricted
#   reason: restricted
against["restricted"] := asked if {
	reading
	not unrestricted
	not rescue
}

# METADATA
# title: She objected
# description: |
#   She objected to the purpose or to one above it (GDPR Art. 21). Honoured on every basis but a legal obligation
#   and a vital interest.
# custom:
#   rule: objected
#   reason: objected
against["objected"] := asked if {
	reading
	objected
	not imperative
}

# METADATA
# title: Advertising to a minor
# description: Direct marketing and advertising leave minors alone, whatever they or their parents agreed to.
# custom:
#   rule: minor
#   reason: minor
against["minor"] := asked if {
	reading
	advertising
	not adult
}

# METADATA
# title: No consent
# description: The purpose rests on consent, or the field is special, and no consent was ever given.
# custom:
#   rule: consent_required
#   reason: consent_required
against["consent_required"] := consent_needed if consent == "consent_required"

# METADATA
# title: Consent refused
# description: She was asked and said no.
# custom:
#   rule: consent_refused
#   reason: consent_refused
against["consent_refused"] := consent_needed if consent == "consent_refused"

# METADATA
# title: Consent withdrawn
# description: She took her consent back.
# custom:
#   rule: consent_withdrawn
#   reason: consent_withdrawn
against["consent_withdrawn"] := consent_needed if consent == "consent_withdrawn"

# METADATA
# title: Consent expired
# description: Her consent has run out.
# custom:
#   rule: consent_expired
#   reason: consent_expired
against["consent_expired"] := consent_needed if consent == "consent_expired"

# METADATA
# title: Consent not valid
# description: Her consent was invalidated or revoked.
# custom:
#   rule: consent_invalid
#   reason: consent_invalid
against["consent_invalid"] := consent_needed if consent == "consent_invalid"

# METADATA
# title: Retention has run out
# description: The field is past its retention and about to be swept.
# custom:
#   rule: expired
#   reason: expired
against["expired"] := asked & expired if reading

# METADATA
# title: The state of her consent
# scope: document
# description: As a reason. A status that is missing or not one of the nine counts as no consent.
default consent := "consent_required"

consent := consent_reasons[input.consent[input.purpose]]

# METADATA
# title: Consent statuses
# description: DPV's nine words. Only given and renewed permit.
consent_reasons := {
	"expired": "consent_expired",
	"given": "permitted",
	"invalidated": "consent_invalid",
	"refused": "consent_refused",
	"renewed": "permitted",
	"requested": "consent_required",
	"revoked": "consent_invalid",
	"unknown": "consent_required",
	"withdrawn": "consent_withdrawn",
}

# METADATA
# title: Fields that need consent
# scope: document
# description: All of them where the purpose rests on consent; the special ones whatever it rests on.
consent_needed contains field if {
	reading
	purpose.basis == "consent"
	some field in known
}

consent_needed contains field if {
	reading
	some field in special
}

unrestricted if input.subject.restricted == false

adult if input.subject.minor == false

rescue if {
	input.controls.break_glass == true
	purpose.basis == "vital_interest"
}

imperative if purpose.basis in {"legal_obligation", "vital_interest"}

objected if {
	some name in input.subject.objected
	purpose.ancestors[name]
}

# METADATA
# title: Advertising terms
# description: DPV purposes, version 2, for which nothing of a minor is released.
advertising_terms := {
	"dpv:Advertising",
	"dpv:DirectMarketing",
	"dpv:PersonalisedAdvertising",
	"dpv:TargetedAdvertising",
}

advertising if {
	some name, _ in purpose.ancestors
	catalogue.purposes[name].dpv in advertising_terms
}

expired contains field if some field in input.subject.expired
