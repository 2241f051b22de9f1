"""Object store: once, whole, durable, and nowhere else."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.storage import (
    AlreadyExists,
    BadKey,
    LocalStore,
    NoSuchObject,
    StorageError,
    fingerprint_file,
    make_private_file,
    open_private,
    private_folder,
)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


def files_under(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_created_is_read_fetched_and_listed(store, tmp_path):
    local = tmp_path / "local.bin"
    local.write_bytes(os.urandom(3 << 20))
    store.create("raw/orders/v1/a.parquet", b"alpha")
    store.put_file("raw/orders/v1/bucket=3/b.parquet", local)
    assert store.read("raw/orders/v1/a.parquet") == b"alpha"
    assert store.fingerprint("raw/orders/v1/bucket=3/b.parquet") == fingerprint_file(local)
    fetched = store.fetch("raw/orders/v1/bucket=3/b.parquet", tmp_path / "into")
    assert fetched == store.fetch("raw/orders/v1/bucket=3/b.parquet", tmp_path / "into")
    assert fetched.read_bytes() == local.read_bytes()
    assert store.list("raw/orders/v1/a") == ["raw/orders/v1/a.parquet"]
    assert store.list("") == ["raw/orders/v1/a.parquet", "raw/orders/v1/bucket=3/b.parquet"]
    assert store.list("curated/") == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/x",
        "a/../b",
        "..",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "A",
        "a b",
        "a\\b",
        "a\n",
        "ä",
        "a\0",
        "~",
    ],
)
def test_bad_keys_are_refused(store, key, tmp_path):
    for act in (store.read, store.delete, store.fingerprint, lambda k: store.create(k, b"")):
        with pytest.raises(BadKey, match="not allowed"):
            act(key)
    assert files_under(tmp_path) == []


def test_no_way_out_through_a_link(store, tmp_path):
    store.create("raw/a", b"")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (tmp_path / "store/raw/link").symlink_to(outside)
    (tmp_path / "store/raw/direct").symlink_to(outside / "secret")
    for key in ("raw/link/secret", "raw/direct"):
        with pytest.raises(BadKey, match="link"):
            store.read(key)
    with pytest.raises(BadKey, match="link"):
        store.create("raw/link/new", b"x")


def test_a_key_is_created_once_by_one_of_many(store):
    outcomes = []

    def create(n):
        try:
            store.create("raw/contended", b"%d" % n * 100_000)
            outcomes.append(n)
        except AlreadyExists:
            pass

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(outcomes) == 1
    assert store.read("raw/contended") == b"%d" % outcomes[0] * 100_000


def test_an_object_never_changes(store, tmp_path):
    store.create("a", b"first")
    (tmp_path / "other").write_bytes(b"second")
    with pytest.raises(AlreadyExists, match="new version"):
        store.create("a", b"second")
    with pytest.raises(FileExistsError):
        store.put_file("a", tmp_path / "other")
    assert store.read("a") == b"first"
    assert len(files_under(tmp_path / "store")) == 1


def test_missing_objects(store, tmp_path):
    for act in (store.read, store.fingerprint, lambda k: store.fetch(k, tmp_path / "into")):
        with pytest.raises(NoSuchObject, match="does not exist"):
            act("raw/none")
    with pytest.raises(FileNotFoundError):
        store.put_file("raw/none", tmp_path / "none")
    store.delete("raw/none")
    store.create("raw/one", b"")
    store.delete("raw/one")
    assert store.list("") == []


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_the_owner_may_look_under_any_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        LocalStore(tmp_path / "store").create("raw/x/a", b"a")
        os.close(open_private(tmp_path / "new/file", os.O_RDWR))
        make_private_file(tmp_path / "new/db")
        private_folder(tmp_path / "p/q")
    finally:
        os.umask(before)
    for path in tmp_path.rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


FULL_DISK = """
import resource, sys
from pathlib import Path
from infra.storage import LocalStore, StorageError
store = LocalStore(Path(sys.argv[1]))
store.create("raw/small", b"x" * 1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
big = b"x" * 200_000
for act in (lambda: store.create("raw/big", big), lambda: store.put_file("raw/big", Path(sys.argv[2]))):
    try:
        act()
    except StorageError as error:
        print(error)
print(store.list(""))
"""


def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path):
    (tmp_path / "big").write_bytes(b"y" * 200_000)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "store"), str(tmp_path / "big")]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("free space or set PRIVET_HOME") == 2
    assert done.stdout.endswith("['raw/small']\n")
    assert [path.name for path in files_under(tmp_path / "store")] == ["small"]


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_failing_disk_leaves_nothing(store, tmp_path, monkeypatch, call):
    def fail(*_args, **_more):
        raise OSError(5, "canary")

    private_folder(tmp_path / "store/.partial")
    private_folder(tmp_path / "store/raw")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError, match="EIO") as caught:
        store.create("raw/a", b"a")
    assert "canary" not in str(caught.value)
    assert files_under(tmp_path / "store") == []


def test_a_file_where_a_folder_is_needed(store):
    store.create("raw", b"")
    with pytest.raises(StorageError, match="move it away"):
        store.create("raw/a", b"")
