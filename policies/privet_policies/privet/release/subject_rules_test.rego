package privet.release_test

test_restricted if {
	one(desk, {"subject": {"restricted": true}}) == "restricted"
	one(desk, {"subject": {"restricted": true}, "controls": {"break_glass": true}}) == "restricted"
	one(desk, {"subject": {"restricted": true}, "purpose": "rescue"}) == "restricted"
}

test_a_vital_interest_under_break_glass_passes_restriction if {
	rescue := {"purpose": "rescue", "subject": {"restricted": true}, "controls": {"break_glass": true}}
	one(desk, rescue) == "allow"
	one(desk, object.union(rescue, {"fields": ["allergies"]})) == "consent_required"
}

test_objected_to_the_purpose_or_one_above if {
	one(desk, {"subject": {"objected": ["service"]}}) == "objected"
	one(desk, {"purpose": "service.stay", "subject": {"objected": ["service"]}}) == "objected"
	one(desk, {"subject": {"objected": ["service.stay", "marketing"]}}) == "allow"
}

test_an_objection_does_not_lift_a_duty if {
	one(desk, {"purpose": "law", "subject": {"objected": ["law"]}}) == "allow"
	one(desk, {"purpose": "rescue", "subject": {"objected": ["service"]}}) == "allow"
}

test_no_advertising_to_minors if {
	minor := {"subject": {"minor": true}, "consent": {"marketing.email": "given"}}
	one(mail, minor) == "minor"
	one(desk, minor) == "allow"
}

test_consent_statuses if {
	words := {
		"expired": "consent_expired",
		"given": "allow",
		"invalidated": "consent_invalid",
		"made up": "consent_required",
		"refused": "consent_refused",
		"renewed": "allow",
		"requested": "consent_required",
		"revoked": "consent_invalid",
		"unknown": "consent_required",
		"withdrawn": "consent_withdrawn",
	}
	every status, word in words {
		one(mail, {"consent": {"marketing.email": status}}) == word
	}
}

test_another_purposes_consent_is_none if {
	one(mail, {"consent": {"marketing": "given"}}) == "consent_required"
}

test_consent_of_the_wrong_type_is_none if {
	every status in [null, true, 1, [], {}] {
		one(mail, {"consent": {"marketing.email": status}}) == "consent_required"
	}
}

test_a_special_field_needs_consent_on_any_basis if {
	one(meal, {}) == "consent_required"
	one(meal, {"consent": {"meals": "given"}}) == "allow"
	told(object.union(meal, {"fields": ["name", "allergies"]})) == {"name": "allow", "allergies": "consent_required"}
}

test_expired_field if {
	one(desk, {"subject": {"expired": ["name", "email"]}}) == "expired"
	one(desk, {"subject": {"expired": ["email"]}}) == "allow"
}

test_nothing_about_her_stops_a_write if {
	all_of_it := {"restricted": true, "objected": ["service"], "minor": true, "expired": ["name"]}
	one(desk, {"operation": "write", "subject": all_of_it}) == "allow"
}

test_no_consent_is_needed_to_store if {
	one(mail, {"operation": "write"}) == "allow"
	one(mail, {"operation": "write", "subject": {"minor": true}}) == "allow"
	one(meal, {"operation": "write", "consent": {"meals": "withdrawn"}}) == "allow"
}
