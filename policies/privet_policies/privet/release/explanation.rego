# The explanation. The same rules as the decision, all of them told, for the people who write and check
# policy.

package privet.release

# METADATA
# title: What speaks for and against each field
# scope: document
# description: |
#   `{path: [{"rule", "reason", "effect"}]}`, the strongest objection first, then what permits. The rule is the
#   `custom.rule` of the rule's own METADATA.
# entrypoint: true
explanation[field] := [{"rule": "invalid_request", "reason": "invalid_request", "effect": "deny"}] if {
	not valid
	some field in asked
}

explanation[field] := array.concat(array.reverse(objections), permits) if {
	valid
	some field in asked
	objections := [object.union(entry, {"effect": "deny"}) |
		some entry in precedence
		field in against[entry.rule]
	]
	permits := array.concat(
		[{"rule": "clear", "reason": "permitted", "effect": "allow"} | field in clear],
		[{"rule": "masked", "reason": "permitted", "effect": "transform"} | field in masked],
	)
}
