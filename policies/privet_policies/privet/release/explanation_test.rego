package privet.release_test

test_every_rule_that_spoke_strongest_first if {
	spoiled := {"subject": {"restricted": true, "expired": ["email"]}, "controls": {"paused": ["mailer"]}}
	rules := [entry.rule | some entry in explained(object.union(mail, spoiled)).email]
	rules == ["paused", "restricted", "consent_required", "expired", "clear"]
}

test_what_permits if {
	explained(desk) == {"name": [{"rule": "clear", "reason": "permitted", "effect": "allow"}]}
	masked := {"rule": "masked", "reason": "permitted", "effect": "transform"}
	explained(object.union(desk, {"fields": ["email"]})) == {"email": [masked]}
}

test_no_request if {
	explained(object.union(desk, {"lookup": 1})) == {"name": [{
		"rule": "invalid_request",
		"reason": "invalid_request",
		"effect": "deny",
	}]}
}
