package privet.release_test

keys := {"service", "operation", "purpose", "recipient", "lookup", "consent", "subject", "controls"}

test_a_missing_key_is_no_request if {
	every key in keys {
		told(object.remove(desk, [key])) == {"name": "invalid_request"}
	}
}

test_a_key_of_the_wrong_type_is_no_request if {
	every key in keys {
		told(object.union(object.remove(desk, [key]), {key: 1})) == {"name": "invalid_request"}
	}
}

test_a_fact_missing_or_mistyped_is_no_request if {
	every key in object.keys(desk.subject) {
		spoilt := object.union(object.remove(desk, ["subject"]), {"subject": object.remove(desk.subject, [key])})
		told(spoilt) == {"name": "invalid_request"}
		one(desk, {"subject": {key: 1}}) == "invalid_request"
	}
}

test_a_control_missing_or_mistyped_is_no_request if {
	every key in object.keys(desk.controls) {
		spoilt := object.union(object.remove(desk, ["controls"]), {"controls": object.remove(desk.controls, [key])})
		told(spoilt) == {"name": "invalid_request"}
		one(desk, {"controls": {key: 1}}) == "invalid_request"
	}
}

test_a_list_with_something_else_in_it_is_no_request if {
	told(object.union(desk, {"fields": ["name", 1]})) == {"name": "invalid_request"}
	one(desk, {"subject": {"objected": [null]}}) == "invalid_request"
	one(desk, {"controls": {"paused": [[]]}}) == "invalid_request"
}

test_an_unknown_operation_is_no_request if {
	one(desk, {"operation": "steal"}) == "invalid_request"
}

test_no_field_gets_no_answer if {
	told(object.union(desk, {"fields": []})) == {}
	told(object.remove(desk, ["fields"])) == {}
	told(object.union(desk, {"fields": "name"})) == {}
}

test_what_is_not_an_object_gets_no_answer if {
	every request in [null, true, 1, "x", [], {}] {
		decided(request) == {"fields": {}, "obligations": [], "revision": "r1"}
	}
}

test_an_object_is_no_list if {
	told(object.union(desk, {"fields": {"a": "name"}})) == {}
	one(desk, {"subject": {"objected": {"a": "service"}}}) == "invalid_request"
	one(desk, {"controls": {"paused": {"a": "service"}}}) == "invalid_request"
}
