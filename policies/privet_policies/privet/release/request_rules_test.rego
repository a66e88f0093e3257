package privet.release_test

test_unknown_service if {
	one(desk, {"service": "backdoor"}) == "unknown_service"
	one(desk, {"service": ""}) == "unknown_service"
}

test_purpose_missing if {
	one(desk, {"purpose": ""}) == "purpose_missing"
}

test_unknown_purpose if {
	one(desk, {"purpose": "fun"}) == "unknown_purpose"
}

test_a_prohibited_purpose_cannot_be_lifted if {
	one(desk, {"service": "broker", "purpose": "resale", "consent": {"resale": "given"}}) == "purpose_prohibited"
}

test_a_purpose_below_a_prohibited_one_is_prohibited if {
	insights := {"service": "broker", "purpose": "resale.insights", "consent": {"resale.insights": "given"}}
	one(desk, insights) == "purpose_prohibited"
}

test_no_legal_basis if {
	one(desk, {"service": "broker", "purpose": "baseless"}) == "no_legal_basis"
}

test_service_not_permitted if {
	one(desk, {"purpose": "marketing"}) == "service_not_permitted"
}

test_look_ups if {
	one(desk, {"lookup": "email"}) == "allow"
	one(desk, {"lookup": "crm_id"}) == "lookup_not_permitted"
}

test_paused_by_service_purpose_or_one_above if {
	one(desk, {"controls": {"paused": ["front-desk"]}}) == "paused"
	one(desk, {"controls": {"paused": ["service"]}}) == "paused"
	one(desk, {"purpose": "service.stay", "controls": {"paused": ["service"]}}) == "paused"
	one(desk, {"controls": {"paused": ["service.stay", "mailer"]}}) == "allow"
	one(desk, {"operation": "write", "controls": {"paused": ["service"]}}) == "paused"
}

test_budget_stops_reads_only if {
	spent := {"controls": {"budget_spent": true}}
	one(desk, spent) == "budget_spent"
	one(desk, object.union(spent, {"operation": "find"})) == "budget_spent"
	one(desk, object.union(spent, {"operation": "write"})) == "allow"
}
