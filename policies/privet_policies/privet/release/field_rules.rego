# Rules on each field. They look at the field, the purpose and the service, never at the person. A field is
# permitted for a purpose iff the field allows that purpose or one above it, and prohibits neither it nor one
# above or below it (Byun and Li, Purpose based access control for privacy protection in relational database
# systems, 2008).

package privet.release

# METADATA
# title: Unknown field
# description: The catalogue has no such field, or it is a collection's in a read, or a profile's in a history.
# custom:
#   rule: unknown_field
#   reason: unknown_field
against["unknown_field"] := asked - known

# METADATA
# title: Prohibited for this purpose
# description: The field prohibits the purpose, one above it or one below it. Prohibition wins over every allow.
# custom:
#   rule: prohibited_field
#   reason: purpose_prohibited
against["prohibited_field"] := prohibited if reading

# METADATA
# title: Not a field of this service
# description: The service's field patterns do not cover this path.
# custom:
#   rule: outside_service
#   reason: purpose_not_permitted
against["outside_service"] := known - covered if service_known

# METADATA
# title: Not a field for this purpose
# description: The field allows neither the purpose nor one above it, in clear or masked.
# custom:
#   rule: purpose_not_allowed
#   reason: purpose_not_permitted
against["purpose_not_allowed"] := known - (clear | masked) if {
	reading
	purpose_known
}

# METADATA
# title: A field that nothing uses
# description: No purpose may ever use this field and nobody is found by it, so it may not be stored either.
# custom:
#   rule: never_used
#   reason: purpose_not_permitted
against["never_used"] := known - used if writing

# METADATA
# title: Allowed in clear
# scope: document
# description: The field allows the purpose or one above it. A write needs no allow, only a field that is known.
# custom:
#   rule: clear
#   reason: permitted
clear contains field if {
	reading
	some field in known
	some name in catalogue.fields[field].allow
	purpose.ancestors[name]
}

clear contains field if {
	writing
	some field in (known & used)
}

# METADATA
# title: Allowed masked
# description: The field allows the purpose or one above it in reduced form.
# custom:
#   rule: masked
#   reason: permitted
masked contains field if {
	reading
	some field in known
	some name in catalogue.fields[field].allow_masked
	purpose.ancestors[name]
}

# METADATA
# title: Known fields
# scope: document
# description: A profile's fields in a read or a find, a collection's in a history, either in a write.
known contains field if {
	input.operation in {"find", "read"}
	some field in asked
	catalogue.fields[field].collection == ""
}

known contains field if {
	input.operation == "history"
	some field in asked
	catalogue.fields[field].collection != ""
}

known contains field if {
	writing
	some field in asked
	catalogue.fields[field].allow
}

prohibited contains field if {
	some field in known
	some name in catalogue.fields[field].prohibit
	purpose.related[name]
}

covered contains field if {
	some field in known
	service.covers[field]
}

used contains field if {
	some field in known
	catalogue.fields[field].used == true
}

special contains field if {
	some field in known
	catalogue.fields[field].special == true
}
