"""`privet demo`, as whoever meets Privet first runs it: the facts it prints, and that its checks can fail."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import phonenumbers
import pytest

from privet.crypto.aead import FieldCipher
from privet.errors import InvalidInput
from privet.testing import PASSPHRASE, make_vault
from privet_cli.demo.guests import Guests, make_guests
from privet_cli.demo.scan import Found, Needles
from privet_cli.demo.screen import Screen
from privet_cli.demo.stage import DemoFailed
from privet_cli.demo.story import arrival, proof

TODAY = date(2026, 11, 21)
HOTEL = files("privet_cli.demo") / "hotel"
PRIVET = Path(sys.executable).with_name("privet")


def _environment(temporary: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TMPDIR": str(temporary),
        "PATH": f"{PRIVET.parent}{os.pathsep}{os.environ['PATH']}",
    }


# Ranges that regulators keep for fiction: Ofcom (United Kingdom), Arcep (France), Bundesnetzagentur (Germany), PTS
# (Sweden), ACMA (Australia), NANPA (555-0100 to 555-0199 in North America).
FICTION = re.compile(
    r"\+44(2079460|1(13|14|16|17|18|21|31|41|51|61)4960|1914980|2896496)\d{3,4}"
    r"|\+33(19900|26191|35301|46571|53649)\d{4}"
    r"|\+49(3023125|6990009|4066969|2214710|8999998)\d{3}"
    r"|\+46(8465004|3139006|4062804)\d{2}"
    r"|\+61[2378]5550\d{4}"
    r"|\+1[2-9]\d{2}55501\d{2}"
)


class Run:
    """One whole run, and what it left."""

    def __init__(self, place: Path) -> None:
        self.temporary = place / "tmp"
        self.temporary.mkdir()
        self.vault = place / "kept.privet"
        done = subprocess.run(
            [PRIVET, "demo", "--fast", "--keep", self.vault],
            env=_environment(self.temporary),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=550,
        )
        self.code, self.text, self.errors = done.returncode, done.stdout, done.stderr
        self.flat = " ".join(self.text.split())

    def chapter(self, number: int) -> str:
        return " ".join(re.split(r"^\d  ", self.text, flags=re.MULTILINE)[number].split())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("demo"))


slow = [pytest.mark.slow, pytest.mark.timeout(600)]


class TestTheStory:
    """One run of the installed command, and all that it says."""

    pytestmark = slow

    def test_it_ends_well(self, run: Run) -> None:
        """Exit code 0, nothing on standard error, nine chapters in order."""
        assert (run.code, run.errors) == (0, "")
        assert re.findall(r"^(\d)  ", run.text, flags=re.MULTILINE) == list("123456789")

    def test_it_reads_well_in_a_pipe(self, run: Run) -> None:
        """At most 100 columns, about 165 lines, no colour and no progress bar."""
        lines = run.text.splitlines()
        told = [line for line in lines if str(run.vault) not in line]
        assert max(map(len, told)) <= 100
        assert len(lines) <= 180
        assert "\x1b" not in run.text
        assert "\r" not in run.text

    def test_everybody_is_imported(self, run: Run) -> None:
        """At least 5,000 guests, none rejected, and the data's source is honest."""
        found = re.search(
            r"imported ([\d,]+) guests, ([\d,]+) stays, [\d,]+ answers about consent, 0 rejected", run.flat
        )
        assert found is not None
        assert int(found[1].replace(",", "")) >= 5000
        assert int(found[2].replace(",", "")) >= 6000
        assert "invented" in run.chapter(1)

    def test_no_plaintext_lies_on_disk(self, run: Run) -> None:
        """The search finds what is in the import file, and 0 bytes in the vault."""
        control = re.search(r"guests\.csv 1 [\d.]+ ([\d,]+) ([\d,]+) ([\d,]+) ([\d,]+)", run.flat)
        vault = re.search(r"the vault (\d+) ([\d.]+) (\d+) (\d+) (\d+) (\d+)", run.flat)
        assert control is not None
        assert vault is not None
        assert all(int(count.replace(",", "")) > 5000 for count in control.groups())
        assert float(vault[2]) > 5
        assert vault.groups()[2:] == ("0", "0", "0", "0")

    def test_the_desk_greets_her_and_is_refused_her_email(self, run: Run) -> None:
        """Name, bed, breakfast, towels and last stay; not the email address, and no word of allergies."""
        told = run.chapter(2)
        assert re.search(
            r"Eleanor Johnson bed king extra towels yes breakfast vegetarian last stay resort", told
        )
        assert "email ✗" in told
        assert "[purpose_not_permitted]" in told
        assert "peanuts" not in told

    def test_the_kitchen_needs_her_consent(self, run: Run) -> None:
        """Refused before, then allergies and nothing else."""
        told = run.chapter(3)
        assert told.index("[consent_required]") < told.index("allergies peanuts, shellfish")
        assert "family_name ✗" in told

    def test_marketing_is_allowed_only_in_between(self, run: Run) -> None:
        """Refused, allowed after her consent, refused at the next read after she withdrew."""
        told = run.chapter(4)
        first, last = told.index("[consent_required]"), told.rindex("[consent_required]")
        assert first < told.index("signature holds") < told.index("eleanor.johnson@example.org") < last

    def test_the_broker_gets_nothing(self, run: Run) -> None:
        """Prohibited, with every consent given."""
        assert "marketing, marketing.email, meal-preparation" in run.chapter(5)
        assert "[purpose_prohibited]" in run.chapter(5)

    def test_her_page_has_the_true_reasons(self, run: Run) -> None:
        """What is held, who asked, and why some were refused: what services are not told."""
        told = run.chapter(6)
        assert "consent_withdrawn" in told
        assert "purpose_prohibited" in told
        assert "accesses.json" in told

    def test_her_pages_are_served_and_obeyed(self, run: Run) -> None:
        """A code, pages without a script, a switch that a service over HTTP obeys, a key revoked while it serves."""
        told = run.chapter(6)
        assert re.search(r"her code \d{4} ?\d{4}", told)
        assert "no script" in told
        assert told.index("over HTTP as in the program") < told.index("switched off ✗")
        assert "its next request is nobody's" in told

    def test_verify_names_the_altered_entry(self, run: Run) -> None:
        """The log is sound; one byte later it is not, and the entry's number is the one that was altered."""
        told = run.chapter(7)
        altered = re.search(r"in entry (\d+), the broker's refusal", told)
        damaged = re.search(r"damaged: entry (\d+) ", told)
        assert "The log is sound" in told
        assert altered is not None
        assert damaged is not None
        assert altered[1] == damaged[1]

    def test_the_erased_stay_erased(self, run: Run) -> None:
        """Gone at once; the old copy opens before the rotation and not after; the backup brings back all but her."""
        told = run.chapter(8)
        assert "[not_found]" in told
        assert told.index("still opens: Eleanor Johnson") < told.index("[key_destroyed]")
        assert told.count("[key_destroyed]") == 2
        back = re.search(r"([\d,]+) of ([\d,]+) guests are back; Ms. Johnson is not", told)
        assert back is not None
        assert int(back[1].replace(",", "")) == int(back[2].replace(",", "")) - 1
        assert "The log is sound" in told[told.index("guests are back") :]

    def test_the_closing_table(self, run: Run) -> None:
        """Reads a second, both ways, and shares that are whole."""
        rows = re.findall(
            r"(one at a time|in batches of 100) ([\d,]+) (\d+)% (\d+)% (\d+)% (\d+)% (\d+)%", run.chapter(9)
        )
        assert [row[0] for row in rows] == ["one at a time", "in batches of 100"]
        for _, speed, *shares in rows:
            assert int(speed.replace(",", "")) > 0
            assert 97 <= sum(map(int, shares)) <= 103

    def test_the_vault_stays_and_nothing_else(self, run: Run) -> None:
        """--keep leaves the vault; the demo's own directory is gone."""
        assert (run.vault / "privet.toml").is_file()
        assert list(run.temporary.glob("privet-demo-*")) == []

    def test_what_to_try_next_works(self, run: Run) -> None:
        """Each command it suggests, in a shell, as it stands."""
        commands = [line.strip() for line in run.text.splitlines() if re.match(r" {5}(export|privet) ", line)]
        assert len(commands) >= 5
        done = subprocess.run(
            ["bash", "-e", "-c", "\n".join(commands)],
            env=_environment(run.temporary),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "@example." in done.stdout
        assert "withdraw" in done.stdout

    def test_it_never_writes_into_what_is_there(self, run: Run) -> None:
        """--keep with a directory that exists: one sentence, exit code 1, and it stands as it was."""
        before = sorted(path.name for path in run.vault.iterdir())
        done = subprocess.run(
            [PRIVET, "demo", "--keep", run.vault], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert sorted(path.name for path in run.vault.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_leaves_nothing(tmp_path: Path, signum: int) -> None:
    """Ctrl-C and SIGTERM: exit code 130, no traceback, no directory of its own, no half vault at --keep."""
    temporary, kept = tmp_path / "tmp", tmp_path / "kept"
    temporary.mkdir()
    with subprocess.Popen(
        [PRIVET, "demo", "--fast", "--keep", kept],
        env=_environment(temporary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        while "The guests move in" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signum)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "privet: stopped\n"
    assert list(temporary.iterdir()) == []
    assert not kept.exists()


# ---- its checks can fail


def _needles(guests: Guests) -> Needles:
    return Needles(
        names={name for guest in guests.people for name in (guest.given, guest.family)},
        emails=(guest.email for guest in guests.people),
        phones=(guest.phone for guest in guests.people),
    )


@pytest.fixture
def moved_in(tmp_path: Path) -> Callable[[], tuple[Needles, Path, Path]]:
    """Imports sixty guests into a real vault; the search's needles, the import file and the vault, closed."""

    def move_in() -> tuple[Needles, Path, Path]:
        guests = make_guests(TODAY, most=60)
        guests.write(tmp_path / "guests.csv", tmp_path / "stays.csv")
        notices = {
            path.name.removesuffix(".md"): path.read_text("utf-8") for path in (HOTEL / "notices").iterdir()
        }
        catalogue = (HOTEL / "catalogue.yaml").read_text(encoding="utf-8")
        with make_vault(tmp_path / "vault", catalogue, notices) as vault:
            for name in ("guests", "stays"):
                summary = vault.steward().import_file(
                    tmp_path / f"{name}.csv", str(HOTEL / f"{name}.map.yaml")
                )
                assert summary.rejected == 0
        return _needles(guests), tmp_path / "guests.csv", tmp_path / "vault"

    return move_in


def test_the_search_finds_nothing_in_a_sound_vault(
    moved_in: Callable[[], tuple[Needles, Path, Path]],
) -> None:
    """0 bytes in the vault, all of them in the import file."""
    needles, plain, vault = moved_in()
    assert needles.scan(vault).plain == 0
    assert needles.scan(plain).emails >= 50


def test_the_search_finds_a_vault_that_seals_nothing(
    moved_in: Callable[[], tuple[Needles, Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vault broken on purpose, whose cipher lets plaintext through: the search counts it and the demo stops."""

    def broken(cipher: Any, key: bytes) -> None:
        del key
        cipher._encrypt = lambda nonce, plaintext, aad: plaintext + bytes(16)
        cipher.raw_decrypt = lambda nonce, sealed, aad: sealed[:-16]

    monkeypatch.setattr(FieldCipher, "__init__", broken)
    needles, plain, vault = moved_in()
    found = needles.scan(vault)
    assert min(found.names, found.emails, found.phones) >= 50
    with pytest.raises(DemoFailed, match="stand in the vault in clear"):
        arrival.search(Screen(fast=True), needles, plain, vault)


@pytest.mark.parametrize(
    "data, counts",
    [
        (b"\x00Wainwright\x00", (1, 0, 0)),
        ("Gonçalves".encode(), (1, 0, 0)),
        ("Wainwright".encode("utf-16-le"), (1, 0, 0)),
        (b"\x01\x02" + "ada@example.org".encode("utf-16-le") + b"\xff", (0, 1, 0)),
        (b"xyz.ada@example.org/", (0, 1, 0)),
        (b"bob@example.org", (0, 0, 0)),
        (b"tel:+442079460718;", (0, 0, 1)),
        (b"00442079460718999", (0, 0, 1)),
        (b"wainwright Wainwrigh t", (0, 0, 0)),
    ],
)
def test_the_search_is_exact(tmp_path: Path, data: bytes, counts: tuple[int, int, int]) -> None:
    """Values are found in UTF-8 and UTF-16, whatever stands around them, and nothing else is."""
    (tmp_path / "file").write_bytes(data)
    needles = Needles(names=["Wainwright", "Gonçalves"], emails=["ada@example.org"], phones=["+442079460718"])
    found = needles.scan(tmp_path)
    assert isinstance(found, Found)
    assert (found.names, found.emails, found.phones) == counts
    assert (found.plain > 0) == any(counts)


def test_the_search_refuses_what_it_could_not_find() -> None:
    """Short names would turn up by chance, other addresses not at all; neither shows in a repr."""
    for bad in ({"names": ["Ann"]}, {"emails": ["ada@privet.dev"]}, {"phones": ["+44 20"]}):
        with pytest.raises(InvalidInput):
            Needles(**{"names": [], "emails": [], "phones": [], **bad})
    assert "Wainwright" not in repr(Needles(names=["Wainwright"], emails=[], phones=[]))


def test_altering_needs_the_entry(tmp_path: Path) -> None:
    """The demo does not pretend to have altered an entry that is not there."""
    (tmp_path / "vault.db").write_bytes(bytes(4096))
    with pytest.raises(DemoFailed, match="not in the database file"):
        proof.alter(tmp_path / "vault.db", bytes(range(1, 100)))


# ---- the guests


def test_the_same_guests_each_time() -> None:
    """One seed, one set of people; only the dates follow the day."""
    one, two = make_guests(TODAY), make_guests(TODAY)
    assert [guest.email for guest in one.people] == [guest.email for guest in two.people]
    assert len(one.people) >= 5000
    assert len(one.people) < one.stays == sum(len(guest.stays) for guest in one.people)
    assert len(one.johnson.stays) >= 2
    last = max(stay["arrived"] for guest in one.people for stay in guest.stays)
    assert 0 <= (TODAY - date.fromisoformat(last)).days < 7


def test_nobody_real_can_be_reached() -> None:
    """Addresses are reserved for examples; numbers are valid, and all from ranges kept for fiction."""
    people = make_guests(TODAY).people
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.(org|com|net)", guest.email) for guest in people)
    assert len({guest.email for guest in people}) == len(people)
    for phone in {guest.phone for guest in people}:
        assert phonenumbers.is_valid_number(phonenumbers.parse(phone)), phone
        assert FICTION.fullmatch(phone), phone


def test_no_name_stands_in_the_catalogue() -> None:
    """Else the search would find it there, where it is nobody's."""
    needles, place = _needles(make_guests(TODAY)), Path(str(HOTEL))
    texts = [place / "catalogue.yaml", *(place / "notices").iterdir()]
    assert len(texts) >= 3
    assert [path.name for path in texts if needles.scan(path).plain] == []


def test_the_passphrase_of_tests_is_not_the_demo_s() -> None:
    """A vault of one is not opened by the other."""
    from privet_cli.demo.stage import PASSPHRASE as TOLD

    assert TOLD != PASSPHRASE
