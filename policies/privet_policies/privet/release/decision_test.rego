package privet.release_test

import data.privet.release

test_default_is_no_answer_without_a_catalogue if {
	answer := release.decision with input as desk
	answer == {"fields": {}, "obligations": [], "revision": ""}
}

test_each_field_has_its_own_answer if {
	told(object.union(desk, {"fields": ["name", "email", "motto", "crm_id", "nonsense", "name"]})) == {
		"crm_id": "purpose_not_permitted",
		"email": "transform",
		"motto": "allow",
		"name": "allow",
		"nonsense": "unknown_field",
	}
}

test_the_shape_of_an_answer if {
	decided(object.union(desk, {"fields": ["name", "email", "nonsense"]})) == {
		"fields": {
			"email": {"effect": "transform", "reason": "permitted", "transform": "mask"},
			"name": {"effect": "allow", "reason": "permitted", "transform": null},
			"nonsense": {"effect": "deny", "reason": "unknown_field", "transform": null},
		},
		"obligations": [],
		"revision": "r1",
	}
}

test_clear_wins_over_masked if {
	one(desk, {"fields": ["motto"]}) == "allow"
}

test_the_strongest_rule_gives_the_reason if {
	everything := {
		"subject": {"restricted": true, "objected": ["marketing"], "minor": true, "expired": ["email"]},
		"controls": {"paused": ["mailer"], "budget_spent": true},
		"consent": {"marketing.email": "refused"},
	}
	one(mail, everything) == "paused"
	one(mail, object.union(everything, {"controls": {"paused": []}})) == "budget_spent"
	calm := object.union(everything, {"controls": {"paused": [], "budget_spent": false}})
	one(mail, calm) == "restricted"
	one(mail, object.union(calm, {"subject": {"restricted": false}})) == "objected"
	one(mail, object.union(calm, {"subject": {"restricted": false, "objected": []}})) == "minor"
	adult := object.union(calm, {"subject": {"restricted": false, "objected": [], "minor": false}})
	one(mail, adult) == "consent_refused"
	one(mail, object.union(adult, {"consent": {"marketing.email": "given"}})) == "expired"
}

test_each_rule_has_its_place_in_the_precedence if {
	ranked := [entry.rule | some entry in release.precedence]
	spoken := release.against with input as desk with data.privet.catalogue as catalogue
	every rule in object.keys(spoken) {
		rule in ranked
	}
	count(ranked) == count({rule | some rule in ranked})
}

test_what_is_wrong_with_the_request_comes_before_what_the_catalogue_says if {
	one(desk, {"service": "backdoor", "purpose": "", "lookup": "crm_id"}) == "unknown_service"
	one(desk, {"purpose": "", "lookup": "crm_id", "fields": ["nonsense"]}) == "purpose_missing"
	one(desk, {"purpose": "fun", "lookup": "crm_id", "fields": ["nonsense"]}) == "unknown_purpose"
	one(desk, {"purpose": "resale", "lookup": "crm_id", "fields": ["nonsense"]}) == "purpose_prohibited"
	one(desk, {"purpose": "baseless", "lookup": "crm_id", "fields": ["nonsense"]}) == "no_legal_basis"
	one(desk, {"purpose": "marketing", "lookup": "crm_id", "fields": ["nonsense"]}) == "service_not_permitted"
	one(desk, {"lookup": "crm_id", "fields": ["nonsense"]}) == "lookup_not_permitted"
}

test_what_the_catalogue_says_comes_before_what_officers_set if {
	paused := {"controls": {"paused": ["front-desk", "mailer"], "budget_spent": true}}
	one(desk, object.union(paused, {"fields": ["nonsense"]})) == "unknown_field"
	one(desk, object.union(paused, {"fields": ["crm_id"]})) == "purpose_not_permitted"
	one(desk, object.union(paused, {"fields": ["room.bed"]})) == "purpose_not_permitted"
	one(mail, object.union(paused, {"fields": ["allergies"]})) == "purpose_prohibited"
	one(desk, object.union(paused, {"fields": ["orphan"], "operation": "write"})) == "purpose_not_permitted"
}
