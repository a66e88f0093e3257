# Rules on the request as a whole. They look at the service, the purpose and the look-up, never at the person.

package privet.release

# METADATA
# title: The catalogue
# description: Comes as data with the bundle, the graph of purposes and the services' patterns worked out.
catalogue := data.privet.catalogue

# METADATA
# title: The purpose asked for, as the catalogue has it
purpose := catalogue.purposes[input.purpose]

# METADATA
# title: The service that asks, as the catalogue has it
service := catalogue.services[input.service]

# METADATA
# title: Unknown service
# description: The catalogue has no service of this name.
# custom:
#   rule: unknown_service
#   reason: unknown_service
against["unknown_service"] := asked if not service_known

# METADATA
# title: No purpose
# description: Every use of personal data names its purpose.
# custom:
#   rule: purpose_missing
#   reason: purpose_missing
against["purpose_missing"] := asked if input.purpose == ""

# METADATA
# title: Unknown purpose
# description: The catalogue has no purpose of this name.
# custom:
#   rule: unknown_purpose
#   reason: unknown_purpose
against["unknown_purpose"] := asked if {
	input.purpose != ""
	not purpose_known
}

# METADATA
# title: Prohibited purpose
# description: The purpose, one above it or one below it is prohibited. No service and no consent can lift that.
# custom:
#   rule: prohibited_purpose
#   reason: purpose_prohibited
against["prohibited_purpose"] := asked if {
	purpose_known
	not purpose_lawful
}

# METADATA
# title: No legal basis
# description: The purpose rests on none of the six bases of GDPR Art. 6(1).
# custom:
#   rule: no_legal_basis
#   reason: no_legal_basis
against["no_legal_basis"] := asked if {
	purpose_known
	purpose_lawful
	not purpose_based
}

# METADATA
# title: Not a purpose of this service
# description: The service's list of purposes does not have this one. A purpose below one that it has does not count.
# custom:
#   rule: service_not_permitted
#   reason: service_not_permitted
against["service_not_permitted"] := asked if {
	service_known
	purpose_known
	not purpose_claimable
}

# METADATA
# title: Not a look-up of this service
# description: The service may not name people by this field.
# custom:
#   rule: lookup_not_permitted
#   reason: lookup_not_permitted
against["lookup_not_permitted"] := asked if {
	service_known
	not lookup_permitted
}

# METADATA
# title: Paused
# description: An officer has paused the service, the purpose or one above it.
# custom:
#   rule: paused
#   reason: paused
against["paused"] := asked if paused

# METADATA
# title: Budget spent
# description: The service has read as many people as it may in this window.
# custom:
#   rule: budget_spent
#   reason: budget_spent
against["budget_spent"] := asked if {
	reading
	not budget_left
}

service_known if service.purposes

purpose_known if purpose.ancestors

default purpose_lawful := false

purpose_lawful if {
	every name, _ in purpose.related {
		catalogue.purposes[name].prohibited == false
	}
}

purpose_based if purpose.basis in {
	"consent",
	"contract",
	"legal_obligation",
	"legitimate_interest",
	"public_task",
	"vital_interest",
}

purpose_claimable if service.purposes[input.purpose]

lookup_permitted if input.lookup == ""

lookup_permitted if service.find[input.lookup]

paused if input.service in input.controls.paused

paused if {
	some name in input.controls.paused
	purpose.ancestors[name]
}

budget_left if input.controls.budget_spent == false
