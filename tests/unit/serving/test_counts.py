"""Workers' counts on a disk that is full, gone, or left behind: no process dies of it, no count is made up."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict

from privet.errors import Unavailable
from privet.serving import counts
from privet.serving.counts import CountsFile, shared_directory, sweep

ROOT = Path(__file__).parents[3]
KEYS = [json.dumps(["m", f"m_{number}", {}, "x" * 60]) for number in range(1_000)]


def told(path: Path) -> dict[str, float]:
    """What whoever is asked for metrics finds in a file."""
    return {
        key: value
        for key, value, _, _ in MmapedDict.read_all_values_from_file(path)  # type: ignore[no-untyped-call]
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 48 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root; the limited file of the other test stands in")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "privet-test", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip("this machine lets nobody mount; the limited file of the other test stands in")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


FILLING = """
import resource, subprocess, sys
from privet.serving.counts import CountsFile
from tests.unit.serving.test_counts import KEYS, told
path, disk = sys.argv[1:]
if not disk:
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
file = CountsFile(path)
for key in KEYS:
    assert file.read_value(key) == (0.0, 0.0)
    file.write_value(key, 7.0, 0.0)
kept = told(path)
assert 100 < len(kept) < len(KEYS), len(kept)
assert set(kept.values()) == {7.0}
if disk:
    subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file._again = 0.0
for key in KEYS:
    file.write_value(key, 8.0, 0.0)
assert told(path) == dict.fromkeys(KEYS, 8.0)
"""


def fill(path: Path, disk: Path | str) -> str:
    """A process of its own does it: what it was afraid of is a signal. Its standard output, where it logs."""
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(path), str(disk)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout


def test_a_full_disk_ends_no_process_and_loses_no_count(small_disk: Path) -> None:
    """What found a place is told, the rest is not, and all of it is once there is room; said once, not each time."""
    said = fill(small_disk / "counter_0.db", small_disk)
    assert said.count("No space left on device") == 1
    assert said.count("counts are shared again") == 1


def test_a_limit_on_files_is_a_full_disk(tmp_path: Path) -> None:
    """The same, where the system refuses the bytes for another reason."""
    assert fill(tmp_path / "counter_0.db", "").count("File too large") == 1


def test_nothing_half_made_is_left_to_readers(small_disk: Path) -> None:
    """No room for even one file: there is none, and whoever reads all of them reads on."""
    (small_disk / "ballast").write_bytes(bytes(40_960))
    file = CountsFile(str(small_disk / "counter_0.db"))
    file.write_value(KEYS[0], 1.0, 0.0)
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_who_takes_a_place_goes_on_counting(tmp_path: Path) -> None:
    """The files of a worker that ended are those of the next: as many as there are places, however many end."""
    path = tmp_path / "counter_0.db"
    for number in range(3):
        file = CountsFile(str(path))
        value, _ = file.read_value(KEYS[0])
        assert value == number
        file.write_value(KEYS[0], value + 1, 0.0)
        file.close()  # type: ignore[no-untyped-call]  # it has no types
    assert told(path) == {KEYS[0]: 3.0}
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Folders that stand for memory and for the temporary directory."""
    memory, temporary = tmp_path / "memory", tmp_path / "temporary"
    memory.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(counts, "MEMORY", memory)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return memory, temporary


def test_counts_are_kept_in_memory(bases: tuple[Path, Path]) -> None:
    """In a directory that nobody else can enter, and that ends with the supervisor."""
    with shared_directory() as made:
        assert Path(made).parent == bases[0]
        assert Path(made).stat().st_mode & 0o777 == 0o700
    assert not Path(made).exists()


def test_little_memory_is_passed_over(
    bases: tuple[Path, Path], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers may have next to none: the temporary directory has more."""
    monkeypatch.setattr(counts, "MEMORY", small_disk)
    with shared_directory() as made:
        assert Path(made).parent == bases[1]


def test_without_any_directory_it_says_what_to_do(
    bases: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nowhere to write to: both places are named."""
    for base in bases:
        base.rmdir()
    with pytest.raises(Unavailable, match="TMPDIR"), shared_directory():
        pass


def test_what_a_killed_supervisor_left_is_swept_away(tmp_path: Path) -> None:
    """Memory is not lost with each; one that lives is left alone, and so is one just made."""
    left, held, young, other = (
        tmp_path / name for name in ("privet-metrics-a", "privet-metrics-b", "privet-metrics-c", "other")
    )
    for folder in (left, held, young, other):
        folder.mkdir()
        (folder / "counter_0.db").touch()
        if folder != young:
            os.utime(folder, (time.time() - 600,) * 2)
    (tmp_path / "privet-metrics-link").symlink_to(other)
    number = os.open(held, os.O_RDONLY)
    fcntl.flock(number, fcntl.LOCK_EX)
    sweep(tmp_path)
    assert not left.exists()
    assert all((folder / "counter_0.db").exists() for folder in (held, young, other))
    os.close(number)
    sweep(tmp_path)
    assert not held.exists()
