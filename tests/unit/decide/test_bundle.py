"""The bundle: its revision names all of it, and an altered archive is refused."""

import dataclasses
import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from privet.decide.bundle import (
    Bundle,
    build_bundle,
    catalogue_data,
    parse_bundle,
    policy_modules,
    seal_bundle,
    write_bundle,
)
from privet.domain.catalogue import LegalBasis
from privet.errors import IntegrityError
from tests.contract.policy.catalogues import drawn, inn

BUNDLE = build_bundle(inn())


def packed(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.type = kind
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(raw.getvalue())


def members(bundle: Bundle) -> dict[str, bytes]:
    return {
        ".manifest": orjson.dumps({"revision": bundle.revision, "roots": ["privet"]}),
        "data.json": bundle.data,
        **{path: source.encode() for path, source in bundle.modules.items()},
    }


def test_revision_is_the_whole_sha256() -> None:
    """64 hex digits, in the data too, the same for equal catalogues, and not shown in full by repr."""
    assert len(bytes.fromhex(BUNDLE.revision)) == 32
    assert orjson.loads(BUNDLE.data)["privet"]["catalogue"]["revision"] == BUNDLE.revision
    assert build_bundle(inn()) == BUNDLE
    assert repr(BUNDLE) == f"Bundle({BUNDLE.revision[:12]})"


def test_words_for_people_do_not_change_the_revision() -> None:
    """Descriptions and the organisation decide nothing; a purpose's basis does."""
    catalogue = inn()
    name, purpose = next(iter(catalogue.purposes.items()))
    other = LegalBasis.CONTRACT if purpose.basis is not LegalBasis.CONTRACT else LegalBasis.CONSENT

    def with_purpose(**changes: Any) -> str:
        purposes = {**catalogue.purposes, name: dataclasses.replace(purpose, **changes)}
        return build_bundle(dataclasses.replace(catalogue, purposes=purposes)).revision

    assert with_purpose(description="In other words") == BUNDLE.revision
    assert with_purpose(basis=other) != BUNDLE.revision


def test_anything_that_changes_changes_the_revision() -> None:
    """Another catalogue, another rule, another file name: another revision."""
    data = catalogue_data(inn())
    modules = dict(policy_modules())
    path = next(iter(modules))
    revisions = {
        BUNDLE.revision,
        build_bundle(drawn(1)).revision,
        seal_bundle({**data, "more": 1}, modules).revision,
        seal_bundle(data, {**modules, path: modules[path] + "\n"}).revision,
        seal_bundle(
            data, {**{p: s for p, s in modules.items() if p != path}, f"x{path}": modules[path]}
        ).revision,
        seal_bundle(data, {**modules, "privet/more.rego": ""}).revision,
    }
    assert len(revisions) == 6


def test_only_the_rules_are_shipped() -> None:
    """Modules mirror the folders, without their tests."""
    assert "privet/release/decision.rego" in policy_modules()
    assert not any(path.endswith("_test.rego") for path in policy_modules())
    assert all(
        f"package {path.rsplit('/', 1)[0].replace('/', '.')}\n" in s for path, s in policy_modules().items()
    )


def test_data_has_the_closures() -> None:
    """Ancestors, descendants, covered fields and whether a field is of any use are worked out once."""
    data = orjson.loads(BUNDLE.data)["privet"]["catalogue"]
    assert data["purposes"]["service.stay"]["ancestors"] == {"service": True, "service.stay": True}
    assert set(data["purposes"]["service"]["related"]) == {
        "service",
        "service.stay",
        "meals",
        "law",
        "rescue",
    }
    assert data["services"]["kitchen"]["covers"] == {"allergies": True}
    assert set(data["services"]["mailer"]["covers"]) == set(inn().every_field)
    assert {path for path, field in data["fields"].items() if not field["used"]} == {"orphan"}
    assert data["fields"]["stays.room"]["collection"] == "stays"


def test_a_field_that_only_a_prohibited_purpose_may_use_is_of_no_use() -> None:
    """Neither a prohibited purpose nor a field's own prohibition makes a field usable."""
    base = inn()
    field = dataclasses.replace(base.fields["orphan"], allow=frozenset({"resale"}))
    both = dataclasses.replace(
        base.fields["orphan"], allow=frozenset({"meals"}), prohibit=frozenset({"service"})
    )
    for one in (field, both):
        changed = dataclasses.replace(base, fields={**base.fields, "orphan": one})
        data = orjson.loads(build_bundle(changed).data)["privet"]["catalogue"]
        assert data["fields"]["orphan"]["used"] is False


def test_archive_comes_back_and_is_deterministic(tmp_path: Path) -> None:
    """What is written is read again, byte for byte the same each time; no partial file is left."""
    first = write_bundle(BUNDLE, tmp_path / "a.tar.gz").read_bytes()
    second = write_bundle(BUNDLE, tmp_path / "b.tar.gz").read_bytes()
    assert first == second
    assert parse_bundle(first) == BUNDLE
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "b.tar.gz"]


def test_folder_form(tmp_path: Path) -> None:
    """A folder has the manifest, the data and the modules under their packages' folders."""
    folder = write_bundle(BUNDLE, tmp_path / "bundle")
    assert orjson.loads((folder / ".manifest").read_bytes())["revision"] == BUNDLE.revision
    assert (folder / "data.json").read_bytes() == BUNDLE.data
    assert (folder / "privet/release/decision.rego").read_text() == BUNDLE.modules[
        "privet/release/decision.rego"
    ]


def test_truncated_archives_are_refused(tmp_path: Path) -> None:
    """An archive cut anywhere is no bundle."""
    whole = write_bundle(BUNDLE, tmp_path / "a.tar.gz").read_bytes()
    for length in (0, 1, 5, 10, 100, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        with pytest.raises(IntegrityError):
            parse_bundle(whole[:length])


def test_flipped_bits_are_refused(tmp_path: Path) -> None:
    """A flipped bit either breaks the archive or the revision; the two bytes that say nothing are gzip's own."""
    whole = write_bundle(BUNDLE, tmp_path / "a.tar.gz").read_bytes()
    for position in range(10, len(whole), 97):
        spoilt = whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :]
        with pytest.raises(IntegrityError):
            parse_bundle(spoilt)


def test_altered_content_is_refused() -> None:
    """A rule, the data or the name changed in a well-formed archive: not what its revision says."""
    good = members(BUNDLE)
    assert parse_bundle(packed(good)) == BUNDLE
    path = "privet/release/decision.rego"
    data = BUNDLE.data.replace(b'"prohibited":true', b'"prohibited":false')
    assert data != BUNDLE.data
    for altered in (
        {**good, path: good[path].replace(b"deny", b"allow")},
        {**good, "data.json": data},
        {**good, "privet/release/more.rego": b"package privet.release"},
        {k: v for k, v in good.items() if k != path},
        {**good, ".manifest": orjson.dumps({"revision": "f" * 64})},
    ):
        with pytest.raises(IntegrityError):
            parse_bundle(packed(altered))


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"rubbish",
        gzip.compress(b"rubbish"),
        gzip.compress(b""),
        gzip.compress(bytes(80 * 1024 * 1024)),
        packed({}),
        packed({".manifest": b"{}"}),
        packed({".manifest": b"{}", "data.json": b"[]"}),
        packed({".manifest": b"[", "data.json": b"{}"}),
        packed({".manifest": b"{}", "data.json": b'{"privet":{"catalogue":3}}'}),
        packed({**members(BUNDLE), "privet/x.rego": b"\xff"}),
        packed({"data.json": b""}, kind=tarfile.SYMTYPE),
        packed({"data.json": b""}, kind=tarfile.DIRTYPE),
    ],
    ids=range(13),
)
def test_foreign_archives_are_refused(archive: bytes) -> None:
    """Whatever is wrong with the bytes, the answer is IntegrityError."""
    with pytest.raises(IntegrityError):
        parse_bundle(archive)
