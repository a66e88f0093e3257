package privet.release_test

test_allowed_for_a_purpose_below if {
	one(desk, {"purpose": "service.stay", "fields": ["room.bed"]}) == "allow"
	one(desk, {"purpose": "service.stay"}) == "allow"
}

test_not_allowed_for_a_purpose_above if {
	one(desk, {"fields": ["room.bed"]}) == "purpose_not_permitted"
}

test_masked if {
	one(desk, {"fields": ["email"]}) == "transform"
	one(desk, {"fields": ["email"], "purpose": "service.stay"}) == "transform"
}

test_prohibited_above_wins if {
	given := {"consent": {"marketing.email": "given"}}
	one(mail, object.union(given, {"fields": ["allergies"]})) == "purpose_prohibited"
}

test_prohibited_below_wins_over_allow if {
	one(mail, {"purpose": "marketing", "fields": ["motto"]}) == "purpose_prohibited"
}

test_outside_service if {
	one(desk, {"fields": ["crm_id"]}) == "purpose_not_permitted"
}

test_unknown_field if {
	one(desk, {"fields": ["nonsense"]}) == "unknown_field"
	one(desk, {"fields": [""]}) == "unknown_field"
}

test_a_history_has_collections_only if {
	one(desk, {"operation": "history", "fields": ["stays.room"]}) == "allow"
	one(desk, {"operation": "history"}) == "unknown_field"
}

test_a_read_has_profile_fields_only if {
	one(desk, {"fields": ["stays.room"]}) == "unknown_field"
	one(desk, {"fields": ["stays.room"], "operation": "find"}) == "unknown_field"
}

test_a_write_needs_no_allow if {
	fields := ["name", "room.bed", "stays.room", "orphan", "crm_id", "nonsense"]
	told(object.union(desk, {"operation": "write", "fields": fields})) == {
		"crm_id": "purpose_not_permitted",
		"name": "allow",
		"nonsense": "unknown_field",
		"orphan": "purpose_not_permitted",
		"room.bed": "allow",
		"stays.room": "allow",
	}
}

test_a_write_needs_its_purpose if {
	one(desk, {"operation": "write", "purpose": "marketing"}) == "service_not_permitted"
	one(desk, {"operation": "write", "purpose": ""}) == "purpose_missing"
	one(desk, {"operation": "write", "service": "broker", "purpose": "resale"}) == "purpose_prohibited"
}

test_a_fields_prohibition_does_not_stop_a_write if {
	one(mail, {"operation": "write", "fields": ["allergies"]}) == "allow"
}
