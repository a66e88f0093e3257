# METADATA
# title: Who may ask the policy server
# description: |
#   For an OPA server with --authorization=basic. Whoever has the token may ask the three questions of a vault, and
#   nothing else: no policy or data can be read or changed over HTTP. Its data holds digests, never the token.
package system.authz

# METADATA
# description: Nobody, unless a rule below says so.
# entrypoint: true
default allow := false

allow if {
	input.method == "GET"
	input.path == ["health"]
}

allow if {
	input.method == "POST"
	input.path in questions
	data.system.callers[crypto.sha256(input.identity)]
}

questions := {
	["v1", "data", "privet", "release", "decision"],
	["v1", "data", "privet", "release", "explanation"],
	["v1", "data", "privet", "catalogue", "revision"],
}
