"""The bytes of a file: read by others, and every fault named."""

import io
import json

import numpy as np
import pytest

from skbackprop.io import safetensors
from skbackprop.io.safetensors import CHECKSUM, DTYPES, dumps, loads

from .models import few_calls

RNG = np.random.default_rng(0)
ARRAYS = {
    **{f"a_{name}": RNG.integers(0, 2, (3, 2)).astype(t) for name, t in DTYPES.items()},
    "scalar": np.array(1.5),
    "empty": np.empty((0, 4), np.float32),
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "big_endian": np.arange(3, dtype=">i4"),
}
METADATA = {"text": 'é "quoted" \n', "empty": ""}
DATA = dumps(ARRAYS, METADATA)


def parts(data):
    n = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + n]), data[8 + n :]


def join(header, body=b""):
    """A file with this header, without a checksum."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype="F64", shape=(1,), start=0, stop=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def test_arrays_and_texts_come_back():
    tensors, metadata, checked = loads(DATA)
    assert checked
    assert metadata == METADATA
    assert tensors.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert tensors[name].dtype == array.dtype.newbyteorder("=")
        assert tensors[name].shape == array.shape
        assert (tensors[name] == array).all()
        assert tensors[name].flags.writeable


def test_no_array_and_no_text():
    assert loads(dumps({}, {})) == ({}, {}, True)


def test_arrays_are_aligned():
    header, body = parts(DATA)
    assert (len(DATA) - len(body)) % 64 == 0
    for name, array in ARRAYS.items():
        assert header[name]["data_offsets"][0] % array.itemsize == 0


def test_the_safetensors_package_reads_our_files(tmp_path):
    package = pytest.importorskip("safetensors")
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.skbp"
    path.write_bytes(DATA)
    tensors = numpy.load_file(path)
    assert tensors.keys() == ARRAYS.keys()
    assert all((tensors[name] == array).all() for name, array in ARRAYS.items())
    with package.safe_open(path, "np") as file:
        assert file.metadata().items() >= METADATA.items()


def test_we_read_the_files_of_the_safetensors_package():
    numpy = pytest.importorskip("safetensors.numpy")
    arrays = {name: a for name, a in ARRAYS.items() if a.flags.c_contiguous and a.dtype.isnative}
    tensors, metadata, checked = loads(numpy.save(arrays, {"format": "np"}))
    assert not checked
    assert metadata == {"format": "np"}
    assert all((tensors[name] == array).all() for name, array in arrays.items())


def test_arrays_of_other_dtypes_are_not_written():
    with pytest.raises(KeyError, match="c16"):
        dumps({"a": np.zeros(2, complex)}, {})


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a\0", "a\n", "a" * 1001, "‮x"])
def test_names_that_could_be_misread_are_refused(name):
    with pytest.raises(ValueError, match=r"has the name|1 to 1000 printable"):
        dumps({name: np.zeros(1)}, {})
    with pytest.raises(ValueError, match=r"has the name|1 to 1000 printable"):
        loads(join({name: entry()}, bytes(8)))


def test_every_flipped_bit_is_noticed():
    for place in range(len(DATA)):
        damaged = bytearray(DATA)
        damaged[place] ^= 1 << (place % 8)
        try:
            contents = loads(bytes(damaged))
        except ValueError:
            continue
        assert not contents.checked  # the name of the checksum itself


def test_every_truncation_is_noticed():
    for n in range(len(DATA)):
        with pytest.raises(ValueError, match="truncated"):
            loads(DATA[:n])
    with pytest.raises(ValueError, match="1 bytes after its last array"):
        loads(DATA + b"\0")


def test_swapped_numbers_are_noticed():
    data = dumps({"a": np.arange(2.0)}, {})
    with pytest.raises(ValueError, match="its checksum is"):
        loads(data[:-16] + data[-8:] + data[-16:-8])


@pytest.mark.parametrize("cores", [1, 2])
def test_a_file_of_many_blocks(cores, monkeypatch):
    monkeypatch.setattr(safetensors, "BLOCK", 50)
    monkeypatch.setattr(safetensors, "LARGE", 100)
    monkeypatch.setattr(safetensors, "n_cores", lambda: cores)
    array = np.arange(99.0)
    data = dumps({"a": array}, {})
    assert (loads(data).tensors["a"] == array).all()
    for place in range(-array.nbytes, 0, 49):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match="its checksum is"):
            loads(bytes(damaged))
    for n in (1, 60, 700):  # of a file that was longer when it was opened
        with pytest.raises(ValueError, match="became shorter"):
            safetensors.read(io.BytesIO(data[:-n]), len(data))


def deep(n, inside=b""):
    return b'{"a":' + b"[" * n + inside + b"]" * n + b"}"


FAULTS = {
    "no file": (b"", "truncated"),
    "a header of 10^12 bytes": ((10**12).to_bytes(8, "little") + b"{}", "header of 1000000000000"),
    "the longest header": (b"\xff" * 8 + b"{}", "states a header of"),
    "not JSON": (join(b"hello"), "not JSON"),
    "not UTF-8": (join(b'{"\xff": 1}'), "not UTF-8 at byte 2"),
    "empty header": (join(b""), "not JSON"),
    "no object": (join(b"[1]"), "must be a JSON object, got list"),
    "deep lists": (join(deep(100_000)), "nested deeper"),
    "deep objects": (join(b'{"a":' * 100_000), "nested deeper"),
    "a string without end": (join(b'{"a":"' + b'\\"[' * 100_000), "not JSON|deeper"),
    "brackets in strings": (join({"[[[[[{{{{{": 1}), "needs exactly dtype, shape"),
    "a key twice": (join(b'{"a": 1, "a": 2}'), "'a' is there twice"),
    "a long integer": (join(b'{"a": ' + b"1" * 10_000 + b"}"), "not valid"),
    "texts that are none": (join({"__metadata__": {"a": 1}}), "must be texts, got int for 'a'"),
    "metadata that is none": (join({"__metadata__": [1]}), "must be an object, got list"),
    "NaN": (join(b'{"a": {"dtype": "F64", "shape": [NaN], "data_offsets": [0, 8]}}'), "NaN"),
    "Infinity": (join(b'{"a": {"shape": [-Infinity]}}'), "-Infinity is no number"),
    "no dtype": (join({"a": {"shape": [1], "data_offsets": [0, 8]}}, bytes(8)), "exactly dtype"),
    "a dtype of others": (join({"a": entry("BF16", (4,))}, bytes(8)), "dtype 'BF16'"),
    "a dtype that is none": (join({"a": entry(["F64"])}, bytes(8)), "has the dtype"),
    "a negative size": (join({"a": entry(shape=(-1,))}, bytes(8)), "whole numbers >= 0, got"),
    "a float size": (join({"a": entry(shape=(1.0,))}, bytes(8)), "whole numbers >= 0, got"),
    "a bool size": (join({"a": entry(shape=(True,))}, bytes(8)), "whole numbers >= 0, got"),
    "no list of sizes": (join({"a": {**entry(), "shape": "1"}}, bytes(8)), "needs a shape"),
    "many axes": (join({"a": entry(shape=[1] * 33)}, bytes(8)), "at most 32"),
    "a product that overflows": (join({"a": entry(shape=(2**32, 2**32))}, bytes(8)), "too large"),
    "a product of 0 that overflows": (
        join({"a": entry(shape=(2**62, 2**62, 0), stop=0)}),
        "too large",
    ),
    "another size": (join({"a": entry(shape=(2,))}, bytes(8)), "needs 16 bytes of F64, got 8"),
    "a negative offset": (join({"a": entry(start=-8, stop=0)}), "0 <= start <= stop"),
    "offsets in reverse": (join({"a": entry(start=8, stop=0)}, bytes(8)), "0 <= start <= stop"),
    "three offsets": (join({"a": {**entry(), "data_offsets": [0, 8, 8]}}, bytes(8)), "two whole"),
    "offsets that are none": (join({"a": {**entry(), "data_offsets": None}}), "two whole"),
    "beyond the file": (join({"a": entry()}, bytes(7)), "truncated: its arrays need 8 bytes"),
    "an overlap": (join({"a": entry(), "b": entry("F32", (2,), 4, 12)}, bytes(12)), "overlaps"),
    "the same place twice": (join({"a": entry(), "b": entry()}, bytes(8)), "overlaps"),
    "a gap": (join({"a": entry(start=8, stop=16)}, bytes(16)), "preceded by a gap"),
    "bytes at the end": (join({"a": entry()}, bytes(9)), "1 bytes after its last array"),
    "not aligned": (join({"a": entry("U8", (1,), 0, 1), "b": entry(start=1, stop=9)}, bytes(9)),
                    "not aligned: F64 at byte 1"),
    "a bool of 2": (join({"a": entry("BOOL", (1,), 0, 1)}, b"\2"), "a BOOL is a byte of 0 or 1"),
    "another checksum": (join({"__metadata__": {CHECKSUM: "0000000g"}}), "needs eight digits"),
    "a checksum twice": (
        join(json.dumps({"__metadata__": {CHECKSUM: "00000000", "x": f'"{CHECKSUM}":"00000000"'}})
             .replace('\\"', "").encode()),
        "damaged|once",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_at_once(data, message):
    with few_calls(1000), pytest.raises(ValueError, match=message):
        loads(data)
