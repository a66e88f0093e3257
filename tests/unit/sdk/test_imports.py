"""What a client costs to import: nothing of the vault itself, so that a service that only asks starts at once."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("aiohttp", "alembic", "click", "cryptography", "fastapi", "jinja2", "opa_client", "phonenumbers"),
    *("pydantic", "regorus", "sqlalchemy", "starlette", "uvicorn", "yaml"),
}


def loaded(code: str) -> set[str]:
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def roots(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def test_privet_itself_is_next_to_nothing() -> None:
    """`import privet` loads errors, and no library."""
    modules = loaded("import privet")
    assert {name for name in modules if name.startswith("privet")} == {"privet", "privet.errors"}
    assert not roots(modules) & (HEAVY | {"urllib3", "orjson"})


@pytest.mark.parametrize("name, allowed", [("Client", set()), ("AsyncClient", {"aiohttp"})])
def test_a_client_loads_nothing_of_the_vault(name: str, allowed: set[str]) -> None:
    """No database, no policy engine, no web framework, no cryptography."""
    modules = loaded(f"import privet\nprivet.{name}('https://vault', token='t')\nprivet.by(email='a@b.org')")
    assert roots(modules) & HEAVY == allowed
    inside = {name.split(".")[1] for name in modules if name.startswith("privet.")}
    assert inside == {"domain", "errors", "sdk"}
