# The catalogue and the requests of the tests: an inn.

package privet.release_test

import data.privet.release

inn := {
	"revision": "r1",
	"fields": {
		"allergies": object.union(plain, {"allow": ["meals", "rescue"], "prohibit": ["marketing"], "special": true}),
		"crm_id": object.union(plain, {"allow": []}),
		"email": object.union(plain, {"allow": ["marketing.email"], "allow_masked": ["service"]}),
		"motto": object.union(plain, {
			"allow": ["service", "marketing"],
			"allow_masked": ["service"],
			"prohibit": ["marketing.email"],
		}),
		"name": plain,
		"orphan": object.union(plain, {"allow": [], "used": false}),
		"room.bed": object.union(plain, {"allow": ["service.stay"]}),
		"stays.room": object.union(plain, {"collection": "stays"}),
	},
	"purposes": {
		"baseless": purpose(null, [], []),
		"law": purpose("legal_obligation", ["service"], []),
		"marketing": purpose("legitimate_interest", [], ["marketing.email"]),
		"marketing.email": object.union(purpose("consent", ["marketing"], []), {"dpv": "dpv:DirectMarketing"}),
		"meals": purpose("contract", ["service"], []),
		"rescue": purpose("vital_interest", ["service"], []),
		"resale": object.union(purpose(null, [], ["resale.insights"]), {"prohibited": true}),
		"resale.insights": purpose("consent", ["resale"], []),
		"service": purpose("contract", [], ["law", "meals", "rescue", "service.stay"]),
		"service.stay": purpose("contract", ["service"], []),
	},
	"services": {
		"broker": {"purposes": {"baseless": true, "resale": true, "resale.insights": true}, "find": {}, "covers": {}},
		"front-desk": {
			"purposes": {"law": true, "meals": true, "rescue": true, "service": true, "service.stay": true},
			"find": {"email": true},
			"covers": {
				"allergies": true,
				"email": true,
				"motto": true,
				"name": true,
				"orphan": true,
				"room.bed": true,
				"stays.room": true,
			},
		},
		"mailer": {
			"purposes": {"marketing": true, "marketing.email": true},
			"find": {},
			"covers": {"allergies": true, "email": true, "motto": true, "name": true},
		},
	},
}

plain := {
	"allow": ["service"],
	"allow_masked": [],
	"collection": "",
	"prohibit": [],
	"special": false,
	"used": true,
}

desk := {
	"service": "front-desk",
	"operation": "read",
	"purpose": "service",
	"recipient": "",
	"lookup": "",
	"fields": ["name"],
	"consent": {},
	"subject": {"restricted": false, "objected": [], "minor": false, "relationship": [], "expired": []},
	"controls": {"paused": [], "budget_spent": false, "break_glass": false},
}

mail := object.union(desk, {"service": "mailer", "purpose": "marketing.email", "fields": ["email"]})

meal := object.union(desk, {"purpose": "meals", "fields": ["allergies"]})

purpose(basis, above, below) := {
	"ancestors": {name: true | some name in above},
	"basis": basis,
	"dpv": "dpv:ServiceProvision",
	"prohibited": false,
	"related": {name: true | some name in array.concat(above, below)},
}

# Purposes are among their own ancestors; said once here rather than in each.
catalogue := object.union(inn, {"purposes": {name: object.union(entry, itself) |
	some name, entry in inn.purposes
	itself := {"ancestors": {name: true}, "related": {name: true}}
}})

decided(request) := answer if {
	answer := release.decision with input as request with data.privet.catalogue as catalogue
}

explained(request) := answer if {
	answer := release.explanation with input as request with data.privet.catalogue as catalogue
}

# The reason or, where nothing is denied, the effect, by field.
told(request) := {field: word |
	some field, said in decided(request).fields
	word := verdict(said)
}

verdict(said) := said.reason if said.effect == "deny"

verdict(said) := said.effect if said.effect != "deny"

# The one field of a request, decided after a change to it.
one(request, change) := word if {
	some word in told(object.union(request, change))
}
