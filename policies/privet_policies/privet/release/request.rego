# The request: what was asked, and whether it has the shape of a question. The other rules may rely on that shape:
# an input that is not valid is refused before any of them is looked at.

package privet.release

# METADATA
# title: Operations
# description: What a service can do. A find releases nothing but an id, and is decided like a read.
operations := {"find", "history", "read", "write"}

# METADATA
# title: Fields asked for
# description: The distinct field paths of the request. Each of them gets an answer, whatever else is wrong.
asked contains field if {
	is_array(input.fields)
	some field in input.fields
	is_string(field)
}

# METADATA
# title: Valid request
# scope: document
# description: All keys are there and of their type. What is missing or mistyped is never guessed.
default valid := false

valid if {
	words_valid
	fields_valid
	subject_valid
	controls_valid
	is_object(input.consent)
}

# METADATA
# title: Releases data
# description: Reads, finds and histories release data and need all the rules of release.
reading if input.operation in {"find", "history", "read"}

# METADATA
# title: Stores data
# description: A write releases nothing; it needs the service's purposes and fields, not the field's allow.
writing if input.operation == "write"

words_valid if {
	is_string(input.service)
	is_string(input.operation)
	is_string(input.purpose)
	is_string(input.recipient)
	is_string(input.lookup)
	input.operation in operations
}

fields_valid if {
	all_strings(input.fields)
	count(input.fields) > 0
}

subject_valid if {
	is_object(input.subject)
	is_boolean(input.subject.restricted)
	is_boolean(input.subject.minor)
	all_strings(input.subject.objected)
	all_strings(input.subject.relationship)
	all_strings(input.subject.expired)
}

controls_valid if {
	is_object(input.controls)
	is_boolean(input.controls.budget_spent)
	is_boolean(input.controls.break_glass)
	all_strings(input.controls.paused)
}

all_strings(list) if {
	is_array(list)
	every item in list {
		is_string(item)
	}
}
