"""The policy bundle: the shipped Rego and the catalogue as data, named together by one revision.

The revision is the SHA-256 over both, in full (64 hex digits): every audit leaf names it, and nobody may be able to
make two policies with one name. Closures over the purpose graph and the fields that a service covers are worked out
here, once, so that the rules only look them up; the rules themselves stand in Rego.

REFUSES archives that are not what `write_bundle` makes: IntegrityError, whatever is wrong with them.
"""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import orjson

from privet.domain.catalogue import Catalogue, Field, matches
from privet.errors import IntegrityError

_FORMAT = b"privet/policy/v1"
_LARGEST = 64 * 1024 * 1024
_MANIFEST = ".manifest"
_DATA = "data.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """Rego and data. `data` is canonical JSON with the revision in it; `modules` maps path to Rego source."""

    data: bytes
    modules: Mapping[str, str]
    revision: str

    def __repr__(self) -> str:
        return f"Bundle({self.revision[:12]})"


def build_bundle(catalogue: Catalogue) -> Bundle:
    """The bundle of a checked catalogue and the shipped policy. Equal catalogues give equal revisions."""
    return seal_bundle(catalogue_data(catalogue), policy_modules())


def seal_bundle(catalogue: Mapping[str, object], modules: Mapping[str, str]) -> Bundle:
    """Joins the catalogue's data (as `catalogue_data` makes it) and Rego modules under their revision."""
    bare = orjson.dumps(catalogue, option=orjson.OPT_SORT_KEYS)
    revision = _revision(bare, modules)
    data = {"privet": {"catalogue": {**catalogue, "revision": revision}}}
    return Bundle(
        data=orjson.dumps(data, option=orjson.OPT_SORT_KEYS), modules=dict(modules), revision=revision
    )


def _revision(bare: bytes, modules: Mapping[str, str]) -> str:
    digest = hashlib.sha256(_FORMAT)
    parts = [bare]
    for path in sorted(modules):
        parts += [path.encode(), modules[path].encode()]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@cache
def policy_modules() -> Mapping[str, str]:
    """The shipped Rego by path below `privet_policies`, tests left out."""
    return dict(_rego_below(resources.files("privet_policies") / "privet", "privet"))


def _rego_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _rego_below(entry, path)
        elif entry.name.endswith(".rego") and not entry.name.endswith("_test.rego"):
            yield path, entry.read_text(encoding="utf-8")


def catalogue_data(catalogue: Catalogue) -> dict[str, object]:
    """What the rules know of the catalogue: `data.privet.catalogue` but for its revision."""
    ancestors, descendants = catalogue.ancestors, catalogue.descendants
    purposes = {
        name: {
            "ancestors": _present(ancestors[name]),
            "basis": purpose.basis.value if purpose.basis else None,
            "dpv": purpose.dpv,
            "prohibited": purpose.prohibited,
            "related": _present(ancestors[name] | descendants[name]),
        }
        for name, purpose in catalogue.purposes.items()
    }
    fields = {
        path: {
            "allow": sorted(field.allow),
            "allow_masked": sorted(field.allow_masked),
            "collection": field.collection or "",
            "prohibit": sorted(field.prohibit),
            "special": field.special,
            "used": field.lookup is not None or _ever_released(field, catalogue),
        }
        for path, field in catalogue.every_field.items()
    }
    services = {
        name: {
            "covers": _present(p for p in fields if any(matches(pattern, p) for pattern in service.fields)),
            "find": _present(service.find),
            "purposes": _present(service.purposes),
        }
        for name, service in catalogue.services.items()
    }
    return {"fields": fields, "purposes": purposes, "services": services}


def _present(names: Iterator[str] | frozenset[str]) -> dict[str, bool]:
    """A set, as an object: JSON has no sets and a look-up costs less than a search."""
    return dict.fromkeys(sorted(names), True)


def _ever_released(field: Field, catalogue: Catalogue) -> bool:
    """Whether any purpose that is not prohibited may use the field, in clear or masked."""
    for name, above in catalogue.ancestors.items():
        related = above | catalogue.descendants[name]
        lawful = not any(catalogue.purposes[other].prohibited for other in related)
        if lawful and above & (field.allow | field.allow_masked) and not related & field.prohibit:
            return True
    return False


def write_bundle(bundle: Bundle, target: Path) -> Path:
    """Writes an OPA bundle: a tar.gz where `target` ends in `.tar.gz`, else a folder. Same bundle, same bytes."""
    members = bundle_members(bundle)
    if target.name.endswith(".tar.gz"):
        return pack_members(members, target)
    for name, content in members.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return target


def pack_members(members: Mapping[str, bytes], target: Path) -> Path:
    """Writes files by path as a tar.gz, whole or not at all. Same files, same bytes. Raises OSError."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"/{name}")
            info.size = len(content)
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(content))
    # A name of its own: processes that open a vault at once all keep its bundle, and one would take another's away.
    partial = target.with_name(f"{target.name}.{os.urandom(8).hex()}.partial")
    try:
        with partial.open("xb") as out:
            out.write(gzip.compress(raw.getvalue(), mtime=0))
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return target


def bundle_members(bundle: Bundle, *, roots: Sequence[str] = ("privet",)) -> dict[str, bytes]:
    """The files of a bundle by path; `roots` is what of OPA's documents it owns."""
    manifest = {"revision": bundle.revision, "rego_version": 1, "roots": list(roots)}
    members = {_MANIFEST: orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS), _DATA: bundle.data}
    members.update({path: source.encode() for path, source in sorted(bundle.modules.items())})
    return members


def parse_bundle(archive: bytes) -> Bundle:
    """Reads an archive of `write_bundle`. IntegrityError unless its content is what its revision names."""
    try:
        members = dict(_unpack(archive))
        manifest = orjson.loads(members.pop(_MANIFEST))
        data = orjson.loads(members.pop(_DATA))
        catalogue = dict(data["privet"]["catalogue"])
        named = {str(catalogue.pop("revision")), str(manifest["revision"])}
        bundle = seal_bundle(catalogue, {path: source.decode() for path, source in members.items()})
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        tarfile.TarError,
        zlib.error,
    ) as error:
        raise IntegrityError("this file is not a policy bundle of Privet, or it is damaged") from error
    if named != {bundle.revision}:
        raise IntegrityError("this policy bundle is not what its revision says: it was altered or damaged")
    return bundle


def _unpack(archive: bytes) -> Iterator[tuple[str, bytes]]:
    inflater = zlib.decompressobj(wbits=31)
    raw = inflater.decompress(archive, _LARGEST)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("too large or cut short")
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
        for info in tar:
            content = tar.extractfile(info)
            if not info.isreg() or content is None:
                raise ValueError("not a plain file")
            yield info.name.lstrip("/"), content.read()
