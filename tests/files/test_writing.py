"""A file is the old one or the new one, whatever happens while it is written."""

import io
import os
import random
import signal
import stat
import subprocess
import sys
import time

import pytest

import skbackprop
from skbackprop.io import model as files

from .models import NUMBERS, assert_same, regressor

CHILD = """
import sys
from skbackprop.io.model import write_atomically
path, old, new = sys.argv[1], *(open(name, "rb").read() for name in sys.argv[2:])
print("ready", flush=True)
while True:
    write_atomically(path, new)
    write_atomically(path, old)
"""
posix = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and modes of files are POSIX")


@posix
def test_a_killed_process_leaves_the_old_or_the_new_file(tmp_path):
    old, new = regressor(random_state=0), regressor(random_state=1)
    old.save(tmp_path / "old")
    new.save(tmp_path / "new")
    target = tmp_path / "model.skbp"
    old.save(target)
    whole = {(tmp_path / name).read_bytes() for name in ("old", "new")}
    seconds, seen = random.Random(0), set()
    for _ in range(12):
        command = [sys.executable, "-c", CHILD, target, tmp_path / "old", tmp_path / "new"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(seconds.uniform(0, 0.03))
            child.send_signal(signal.SIGKILL)
        seen.add(target.read_bytes())
        skbackprop.load(target)
    assert seen <= whole


@pytest.mark.parametrize("name", ["open", "fsync", "replace"])
def test_an_error_leaves_the_old_file_and_no_other(name, tmp_path, monkeypatch):
    target = tmp_path / "model.skbp"
    target.write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError("no space left")

    if name == "open":
        monkeypatch.setattr(files, "open", fail, raising=False)
    else:
        monkeypatch.setattr(files.os, name, fail)
    with pytest.raises(OSError, match="no space left"):
        regressor().save(target)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["model.skbp"]
    assert target.read_bytes() == b"old"


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    target = tmp_path / "model.skbp"
    regressor(random_state=0).save(target)
    model = regressor(random_state=1)
    model.save(target)
    assert os.listdir(tmp_path) == ["model.skbp"]
    assert_same(skbackprop.load(target).predict(NUMBERS), model.predict(NUMBERS))


@posix
def test_modes_and_links_stay(tmp_path):
    model = regressor()
    target, link = tmp_path / "model.skbp", tmp_path / "link"
    model.save(target)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask
    target.chmod(0o640)
    link.symlink_to(target)
    before = target.stat().st_ino
    model.save(link)
    assert link.is_symlink()
    assert target.stat().st_ino != before
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_folders_are_refused(tmp_path):
    model = regressor()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        model.save(tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        model.save(tmp_path / "missing" / "model.skbp")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        model.save(f"{tmp_path / 'missing'}{os.sep}")
    with pytest.raises(FileNotFoundError):
        skbackprop.load(tmp_path / "missing.skbp")


@posix
def test_only_regular_files_are_loaded_and_replaced(tmp_path):
    with pytest.raises(ValueError, match="not a regular file"):
        skbackprop.load("/dev/zero")
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (pipe, loop):
        with pytest.raises(ValueError, match="Cannot save to .*: it is not a regular file"):
            regressor().save(path)
    assert pipe.is_fifo()
    assert loop.is_symlink()


def test_a_path_is_text_or_bytes_and_no_open_file(tmp_path):
    model = regressor()
    path = tmp_path / "mon modèle ü.skbp"
    model.save(os.fsencode(path))
    assert os.listdir(tmp_path) == [path.name]
    assert_same(skbackprop.load(os.fsencode(path)).predict(NUMBERS), model.predict(NUMBERS))
    for other in (io.BytesIO(), 0, None):  # 0 is the standard input
        with pytest.raises(TypeError, match=rf"got {type(other).__name__}\. Pass a path"):
            model.save(other)
        with pytest.raises(TypeError, match=rf"got {type(other).__name__}\. Pass a path"):
            skbackprop.load(other)


def test_a_fault_is_named_with_the_file(tmp_path):
    (tmp_path / "model.skbp").write_bytes(b"PK\3\4 not ours, but a zip file")
    with pytest.raises(ValueError, match=r"Cannot load '.*model\.skbp'\. The file is truncated"):
        skbackprop.load(tmp_path / "model.skbp")
