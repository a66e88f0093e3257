# METADATA
# title: The decision
# description: |
#   Field by field: released in clear, released masked, or withheld with a reason. Withheld is the default: a field
#   is released only where a rule permits it and no rule speaks against it. Where several speak against it, the
#   strongest gives the reason.
package privet.release

# METADATA
# title: Precedence
# description: |
#   Every rule that can speak against a field, from the weakest to the strongest, with the reason it gives. Rules
#   that look at the person stand below those that do not, so that a refusal by the latter tells nothing of her.
precedence := [
	{"rule": "expired", "reason": "expired"},
	{"rule": "consent_invalid", "reason": "consent_invalid"},
	{"rule": "consent_expired", "reason": "consent_expired"},
	{"rule": "consent_withdrawn", "reason": "consent_withdrawn"},
	{"rule": "consent_refused", "reason": "consent_refused"},
	{"rule": "consent_required", "reason": "consent_required"},
	{"rule": "minor", "reason": "minor"},
	{"rule": "objected", "reason": "objected"},
	{"rule": "restricted", "reason": "restricted"},
	{"rule": "budget_spent", "reason": "budget_spent"},
	{"rule": "paused", "reason": "paused"},
	{"rule": "never_used", "reason": "purpose_not_permitted"},
	{"rule": "purpose_not_allowed", "reason": "purpose_not_permitted"},
	{"rule": "outside_service", "reason": "purpose_not_permitted"},
	{"rule": "prohibited_field", "reason": "purpose_prohibited"},
	{"rule": "unknown_field", "reason": "unknown_field"},
	{"rule": "lookup_not_permitted", "reason": "lookup_not_permitted"},
	{"rule": "service_not_permitted", "reason": "service_not_permitted"},
	{"rule": "no_legal_basis", "reason": "no_legal_basis"},
	{"rule": "prohibited_purpose", "reason": "purpose_prohibited"},
	{"rule": "unknown_purpose", "reason": "unknown_purpose"},
	{"rule": "purpose_missing", "reason": "purpose_missing"},
	{"rule": "unknown_service", "reason": "unknown_service"},
]

# METADATA
# title: The decision on a request
# scope: document
# description: |
#   `{"fields": {path: {"effect": "allow|transform|deny", "transform": "mask"|null, "reason"}}, "obligations": [],
#   "revision"}`. Each field asked for has an answer. A request that is not valid is refused field by field.
# entrypoint: true
default decision := {"fields": {}, "obligations": [], "revision": ""}

decision := {"fields": answers, "obligations": [], "revision": catalogue.revision} if valid

decision := {"fields": refused, "obligations": [], "revision": catalogue.revision} if not valid

# METADATA
# title: Answers to a valid request
# description: Withheld unless granted; the later of the merged objects wins.
answers := object.union_n([withheld, stopped, granted])

# METADATA
# title: Refusal of what is no request
# description: The input lacks a key, has a wrong type or asks for nothing. Whoever built the input must mend it.
# custom:
#   rule: invalid_request
#   reason: invalid_request
refused[field] := denied("invalid_request") if some field in asked

withheld[field] := denied("purpose_not_permitted") if some field in asked

# METADATA
# title: Fields that a rule speaks against
# description: The strongest rule gives the reason.
stopped := object.union_n([layer |
	some entry in precedence
	layer := {field: denied(entry.reason) | some field in against[entry.rule]}
])

granted := object.union(masked_grants, clear_grants)

# METADATA
# title: Granted in clear
# description: In clear wins over masked where a field allows both.
clear_grants[field] := {"effect": "allow", "reason": "permitted", "transform": null} if some field in (free & clear)

masked_grants[field] := {"effect": "transform", "reason": "permitted", "transform": "mask"} if {
	some field in (free & masked)
}

# METADATA
# title: Fields nothing speaks against
# description: What is left of the fields asked for when every rule has spoken.
free := asked - object.keys(stopped)

denied(reason) := {"effect": "deny", "reason": reason, "transform": null}
