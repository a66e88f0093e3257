package system.authz_test

import data.system.authz

known := {crypto.sha256("right"): true}

asking := {"method": "POST", "path": ["v1", "data", "privet", "release", "decision"], "identity": "right"}

test_the_token_asks if {
	every path in authz.questions {
		authz.allow with input as object.union(asking, {"path": path}) with data.system.callers as known
	}
}

test_another_token_does_not if {
	not authz.allow with input as object.union(asking, {"identity": "wrong"}) with data.system.callers as known
}

test_no_token_does_not if {
	not authz.allow with input as object.remove(asking, ["identity"]) with data.system.callers as known
}

test_the_digest_is_no_token if {
	stolen := object.union(asking, {"identity": crypto.sha256("right")})
	not authz.allow with input as stolen with data.system.callers as known
}

test_the_token_changes_nothing if {
	every method in ["PUT", "PATCH", "DELETE", "GET"] {
		not authz.allow with input as object.union(asking, {"method": method}) with data.system.callers as known
	}
}

test_the_token_asks_nothing_else if {
	every path in [
		[],
		["v1", "data"],
		["v1", "data", "system", "authz"],
		["v1", "data", "privet", "catalogue"],
		["v1", "policies"],
		["v1", "query"],
		["v1", "compile"],
		["v0", "data", "privet", "release", "decision"],
	] {
		not authz.allow with input as object.union(asking, {"path": path}) with data.system.callers as known
	}
}

test_anybody_may_ask_for_its_health if {
	authz.allow with input as {"method": "GET", "path": ["health"]}
	not authz.allow with input as {"method": "POST", "path": ["health"]}
	not authz.allow with input as {"method": "GET", "path": ["metrics"]}
}
