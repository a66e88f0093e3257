"""The officers' routes and the log's public face, over real HTTP."""

from privet.audit.checkpoint import verify_checkpoint
from privet.audit.merkle import leaf_hash, root_at
from privet.audit.note import NoteKey
from privet.audit.proof import verify_proof
from privet.audit.tiles import Tile, TileReader, tile_path
from privet.bootstrap.auditing import verify_entry_proof
from privet.domain.ids import EntryId
from tests.contract.http.house import House


def ids(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["audit_id"] for one in page["entries"]]


def test_pages_lose_nothing_and_repeat_nothing_while_the_log_grows(house: House) -> None:
    """Every entry there was at the first page, once, newest first, though each page adds one."""
    who = house.guest()
    desk = house.vault.service("desk")
    made = [desk.fetch(who, purpose="stay", fields=["name"]).audit_id for _ in range(11)]
    seen: list[str] = []
    cursor = None
    for _ in range(20):
        asked = {"act": "read", "subject": {who.field: who.value}, "limit": 3}
        page = house.ask(
            "/v1/audit/query", {**asked, **({"cursor": cursor} if cursor else {})}, who="officer"
        ).json
        seen += ids(page)
        desk.fetch(who, purpose="stay", fields=["vip"])
        cursor = page["next"]
        if cursor is None:
            break
    assert cursor is None
    assert seen == made[::-1]


def test_filters_and_together(house: House) -> None:
    """By service, decision and reason."""
    who = house.guest()
    house.ask(
        "/v1/fetch",
        {"subject": {who.field: who.value}, "purpose": "marketing.email", "fields": ["email"]},
        who="mailer",
    )
    found = house.ask(
        "/v1/audit/query",
        {"service": "mailer", "decision": "refuse", "reason": "consent_required", "limit": 1},
        who="officer",
    ).json
    assert found["entries"][0]["service"] == "mailer"
    assert found["entries"][0]["reasons"] == {"email": "consent_required"}
    none = house.ask(
        "/v1/audit/query", {"service": "mailer", "decision": "permit", "act": "put"}, who="officer"
    ).json
    assert none == {"entries": [], "next": None}


def test_a_slip_in_a_filter_is_refused_and_a_date_is_its_day(house: House) -> None:
    """422 with the place, and the log's history takes the same dates as a collection's."""
    for name, word in (("act", "zzz"), ("service", "mailr"), ("purpose", "stayy"), ("reason", "no_consent")):
        refused = house.ask("/v1/audit/query", {name: word}, who="officer")
        assert (refused.status, refused.json["code"]) == (422, "invalid_input")
        assert (refused.json["field"], refused.json["pointer"]) == (name, f"/{name}")
    asked = {"since": "2020-01-01", "until": "2999-12-31", "limit": 1}
    assert house.ask("/v1/audit/query", asked, who="officer").json["entries"]
    none = {"since": "2020-01-01", "until": "2020-01-01"}
    assert house.ask("/v1/audit/query", none, who="officer").json["entries"] == []


def test_a_question_is_itself_logged(house: House) -> None:
    """Under the officer's name."""
    house.ask("/v1/audit/query", {"limit": 1}, who="officer")
    assert house.lines(act="query", limit=1)[0].actor == "officer:ana"


def test_an_entry_by_its_id(house: House) -> None:
    """Or not_found."""
    audit_id = house.vault.service("desk").put(house.guest(), {"vip": True}, purpose="stay")
    told = house.ask(f"/v1/audit/entries/{audit_id}", who="officer").json
    assert (told["audit_id"], told["act"], told["fields"]) == (audit_id, "put", ["vip"])
    assert house.ask(f"/v1/audit/entries/{'0' * 32}", who="officer").status == 404


def test_a_proof_holds_offline(house: House) -> None:
    """With the log's public key and nothing else."""
    audit_id = house.vault.service("desk").put(house.guest(), {"vip": False}, purpose="stay")
    said = house.ask(f"/v1/audit/proofs/{audit_id}", who="officer")
    assert said.headers["content-type"].startswith("text/plain")
    log = house.vault.parts.store.log
    key = NoteKey(name=log.origin(), public=house.vault.parts.keyring.signer().public)
    row = log.find_entry(EntryId(bytes.fromhex(audit_id)))
    assert row is not None
    verify_proof(said.body, row.leaf, key)
    assert verify_entry_proof(said.body, key).leaf.act == "put"


def test_the_log_verifies_and_decisions_replay(house: House) -> None:
    """Sound, and the same again."""
    assert house.ask("/v1/audit/verify", who="officer", method="POST").json["ok"] is True
    read = house.vault.service("desk").fetch(house.guest(), purpose="stay", fields=["name", "allergies"])
    told = house.ask("/v1/audit/replay", {"audit_id": read.audit_id}, who="officer").json
    assert told["same"] is True
    assert {path: said["effect"] for path, said in told["fields"].items()} == {
        "name": "allow",
        "allergies": "deny",
    }
    erasure = house.lines(act="query", limit=1)[0].audit_id
    assert house.ask("/v1/audit/replay", {"audit_id": erasure}, who="officer").code == "conflict"


def test_a_pause_holds_at_once(house: House) -> None:
    """For the next read, until it is lifted."""
    who = house.guest()
    asked = {"subject": {who.field: who.value}, "purpose": "stay", "fields": ["name"]}
    assert house.ask("/v1/controls/pause", {"name": "reader"}, who="officer").json == {"paused": ["reader"]}
    assert house.ask("/v1/fetch", asked, who="reader").json["reasons"] == ["paused"]
    assert house.ask("/v1/controls", who="officer").json == {"paused": ["reader"]}
    assert house.ask("/v1/controls/resume", {"name": "reader"}, who="officer").json == {"paused": []}
    assert house.ask("/v1/fetch", asked, who="reader").status == 200
    assert house.ask("/v1/controls/pause", {"name": "nobody"}, who="officer").status == 422


def test_anybody_can_rebuild_the_log_from_its_tiles(house: House) -> None:
    """The root of what the tiles hold is the one that the checkpoint signs."""
    house.vault.parts.checkpointer.sign()
    note = house.ask("/v1/log/checkpoint", who=None)
    assert note.status == 200
    key = NoteKey(name=house.vault.parts.store.log.origin(), public=house.vault.parts.keyring.signer().public)
    checkpoint = verify_checkpoint(note.body, key)

    class Served:
        def read_tile(self, level: int, n: int, width: int) -> bytes:
            said = house.ask(f"/v1/log/{tile_path(Tile(level, n, width))}", who=None)
            assert (said.status, said.headers["content-type"]) == (200, "application/octet-stream")
            return said.body

    reader = TileReader(Served(), checkpoint.size)
    assert root_at(checkpoint.size, reader) == checkpoint.root
    first = next(iter(house.vault.parts.store.log.entries(0, 1)))
    assert reader.read_hashes([(0, 0)]) == [leaf_hash(first.leaf)]
