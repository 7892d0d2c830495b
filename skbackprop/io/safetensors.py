"""The bytes of a file: the safetensors layout, written and read with NumPy alone.

A file is

1. eight bytes: the length of the header, a little-endian unsigned integer;
2. the header: JSON ``{"__metadata__": {str: str}, name: {"dtype", "shape", "data_offsets"}}``,
   padded with spaces;
3. the data: the arrays one after the other, little-endian and in C order, without gaps.

Files of ours have one entry more in the metadata, a checksum of all bytes.  The reader trusts
nothing: whatever is wrong with a file is a `ValueError` that names the fault, before any array
is made.  No array is larger than the file.

>>> data = dumps({"W": np.eye(2)}, {"model": "{}"})
>>> len(data) - 32                                    # the header, its length included
128
>>> loads(data).tensors["W"]
array([[1., 0.],
       [0., 1.]])
>>> loads(data[:-1])
Traceback (most recent call last):
ValueError: The file is truncated: its arrays need 32 bytes, got 31.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..cores import n_cores

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
METADATA, CHECKSUM = "__metadata__", "skbackprop.crc32"
ALIGNMENT = 64  # of the data within the file; the format asks for 8
LONGEST_HEADER = 100_000_000  # bytes, as in the safetensors package
DEEPEST_HEADER, MOST_AXES, LONGEST_NAME = 4, 32, 1000
UNSET = "00000000"
BLOCK = 2**22  # bytes that are read at once
LARGE = 2**25  # bytes; of a smaller file the start of a thread takes as long as it saves


class Contents(NamedTuple):
    """What is in a file: arrays by name, texts by name, and whether it has a checksum."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]
    checked: bool


# ---------------------------------------------------------------------------- writing


def dumps(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Arrays whose dtypes are in `DTYPES`.
    metadata : mapping of str to str
        Texts; a checksum is added to them.

    Returns
    -------
    data : bytes
        See the module.
    """
    return b"".join(chunks(tensors, metadata))


def chunks(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> list[Any]:
    """The bytes of `dumps` in parts, of which those of an array are not copied if possible."""
    # Wide numbers first: then all arrays are aligned, without gaps between them.
    names = sorted(tensors, key=lambda name: -tensors[name].itemsize)
    header: dict[str, Any] = {METADATA: {**metadata, CHECKSUM: UNSET}}
    arrays, stop = [], 0
    for name in names:
        _check_name(name)
        array = tensors[name]
        dtype = NAMES[array.dtype.newbyteorder("<")]
        start, stop = stop, stop + array.nbytes
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, stop]}
        arrays.append(np.ascontiguousarray(array, DTYPES[dtype]).reshape(-1).view(np.uint8))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    head = len(text).to_bytes(8, "little") + text
    return [_stamped(head, arrays), *arrays]


def _stamped(head: bytes, parts: Iterable[Any]) -> bytes:
    """The header with the checksum of the whole file, in which its own digits are zeros."""
    before, after = _around_checksum(head, UNSET)
    return before + checksum([head, *parts]).encode() + after


def checksum(parts: Iterable[Any]) -> str:
    """The CRC-32 of bytes, as eight hexadecimal digits."""
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return f"{crc:08x}"


def _around_checksum(head: bytes, digits: str) -> tuple[bytes, bytes]:
    """The header before and after the digits of the checksum."""
    parts = []
    if re.fullmatch("[0-9a-f]{8}", digits):
        parts = head.split(f'"{CHECKSUM}":"{digits}"'.encode())
    if len(parts) != 2:
        raise ValueError(f"The header is damaged: {CHECKSUM!r} needs eight digits, once.")
    return parts[0] + f'"{CHECKSUM}":"'.encode(), b'"' + parts[1]


# ---------------------------------------------------------------------------- reading


def loads(data: bytes) -> Contents:
    """The contents of a file whose bytes are in memory; see `read`."""
    return read(BytesIO(data), len(data))


def read(file: BinaryIO, size: int) -> Contents:
    """The contents of a file of `size` bytes, of which the header is read and checked first.

    Parameters
    ----------
    file : binary file
        Open for reading, at its beginning.
    size : int
        Number of its bytes.

    Returns
    -------
    contents : Contents
        Arrays that can be written to, and metadata without the checksum.

    Raises
    ------
    ValueError
        If it is no safetensors file, or a damaged one.
    """
    length = file.read(8)
    if len(length) < 8:
        raise ValueError(f"The file is truncated: it needs at least 8 bytes, got {len(length)}.")
    n, rest = int.from_bytes(length, "little"), size - 8
    if n > min(rest, LONGEST_HEADER):
        raise ValueError(
            f"The file is truncated, or is no safetensors file: it states a header of {n} bytes, "
            f"where {rest} follow and {LONGEST_HEADER} are allowed."
        )
    text = file.read(n)
    header = parse_json(text, "header", DEEPEST_HEADER)
    metadata = _check_metadata(header)
    entries = _check_entries(header, rest - n)
    digits, buffer = metadata.pop(CHECKSUM, None), np.empty(rest - n, np.uint8)
    before, after = (b"", b"") if digits is None else _around_checksum(length + text, digits)
    crc = _fill(buffer, file, zlib.crc32(before + UNSET.encode() + after))
    if digits is not None and digits != f"{crc:08x}":
        raise ValueError(
            f"The file is damaged: its checksum is {crc:08x}, and it states {digits}. Take a copy "
            "of the file, or save the model again."
        )
    tensors = {entry[0]: _view(buffer, *entry) for entry in entries}
    return Contents(tensors, metadata, digits is not None)


def _fill(buffer: np.ndarray, file: BinaryIO, crc: int) -> int:
    """Read the rest of a file; the CRC-32 of it and of the bytes before, whose CRC-32 is `crc`.

    The checksum takes as long as reading: of a large file another thread reads the next block
    meanwhile.
    """
    blocks = [buffer[start : start + BLOCK] for start in range(0, len(buffer), BLOCK)]
    with ThreadPoolExecutor(1) as thread:
        each = thread.map if len(buffer) > LARGE and n_cores() > 1 else map
        for block, n in zip(blocks, each(file.readinto, blocks), strict=True):  # type: ignore
            if n < len(block):
                raise ValueError("The file is truncated: it became shorter while it was read.")
            crc = zlib.crc32(block.data, crc)
    return crc


def parse_json(text: bytes | str, what: str, deepest: int) -> dict[str, Any]:
    """The object that a JSON text holds, with strict limits.

    Parameters
    ----------
    text : bytes or str
        JSON, in UTF-8.
    what : str
        What an error message calls it.
    deepest : int
        How many brackets may be open at once.

    Returns
    -------
    value : dict
        No key is there twice, and no number is NaN or infinite.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The {what} is not JSON: it is not UTF-8 at byte {error.start}."
        ) from None
    if _depth(text) > deepest:
        raise ValueError(f"The {what} is nested deeper than {deepest} levels.")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"The {what} is not JSON: {error}.") from None
    except ValueError as error:  # of the two hooks, or an int of more digits than Python allows
        raise ValueError(f"The {what} is not valid: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"The {what} must be a JSON object, got {type(value).__name__}.")
    return value


def _depth(text: str) -> int:
    """How many brackets are open at once, those inside strings left out."""
    # A string that does not end reaches to the end: every character is looked at once.
    string = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
    brackets = re.sub(string + r'|[^\[\]{}"]+', "", text, flags=re.DOTALL)
    signs = np.frombuffer(brackets.encode("ascii", "replace"), np.uint8)
    steps = np.isin(signs, list(b"[{")).astype(int) - np.isin(signs, list(b"]}"))
    return int(np.cumsum(steps).max(initial=0))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {twice[:100]!r} is there twice.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON.")


def _check_metadata(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict):
        raise ValueError(f"{METADATA} must be an object, got {type(metadata).__name__}.")
    for name, text in metadata.items():
        if not isinstance(text, str):
            raise ValueError(
                f"The metadata must be texts, got {type(text).__name__} for {name[:100]!r}."
            )
    return metadata


Entry = tuple[str, str, list[int], int, int]  # name, dtype, shape, start, stop


def _check_entries(header: dict[str, Any], n_bytes: int) -> list[Entry]:
    """The arrays in the order of their places, which follow each other and fill the data."""
    entries = sorted((_check_entry(*item) for item in header.items()), key=lambda e: (e[3], e[4]))
    end = 0
    for name, dtype, _, start, stop in entries:
        if start != end:
            problem = "overlaps the array before it" if start < end else "is preceded by a gap"
            raise ValueError(
                f"The array {name!r} {problem}: it starts at byte {start} of the data, where "
                f"{end} was expected."
            )
        if start % np.dtype(DTYPES[dtype]).itemsize:
            raise ValueError(f"The array {name!r} is not aligned: {dtype} at byte {start}.")
        end = stop
    if end > n_bytes:
        raise ValueError(f"The file is truncated: its arrays need {end} bytes, got {n_bytes}.")
    if end < n_bytes:
        raise ValueError(f"The file has {n_bytes - end} bytes after its last array.")
    return entries


def _check_entry(name: str, entry: Any) -> Entry:
    _check_name(name)
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"The array {name!r} needs exactly dtype, shape and data_offsets.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(
            f"The array {name!r} has the dtype {str(dtype)[:100]!r}, known are {', '.join(DTYPES)}."
        )
    if not _are_sizes(shape) or len(shape) > MOST_AXES:
        raise ValueError(
            f"The array {name!r} needs a shape of at most {MOST_AXES} whole numbers >= 0, got "
            f"{str(shape)[:100]}."
        )
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(
            f"The array {name!r} needs data_offsets of two whole numbers, 0 <= start <= stop, got "
            f"{str(offsets)[:100]}."
        )
    # Python's integers do not overflow, those of NumPy would: zeros are left out here.
    if prod(size for size in shape if size) >= 2**59:
        raise ValueError(f"The array {name!r} has a shape that is too large: {str(shape)[:100]}.")
    n_bytes, (start, stop) = prod(shape) * np.dtype(DTYPES[dtype]).itemsize, offsets
    if n_bytes != stop - start:
        raise ValueError(
            f"The array {name!r} of shape {shape} needs {n_bytes} bytes of {dtype}, got "
            f"{stop - start}."
        )
    return name, dtype, shape, start, stop


def _check_name(name: str) -> None:
    if (
        not 0 < len(name) <= LONGEST_NAME
        or not name.isprintable()
        or any(part in name for part in ("..", "/", "\\"))
    ):
        raise ValueError(
            f"An array has the name {name[:100]!r}. A name needs 1 to {LONGEST_NAME} printable "
            "characters, without '..' and slashes."
        )


def _are_sizes(values: Any) -> bool:
    """Is it a list of whole numbers, none of them negative or too large for an index?"""
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _view(
    buffer: np.ndarray, name: str, dtype: str, shape: list[int], start: int, stop: int
) -> np.ndarray:
    part = buffer[start:stop]
    if dtype == "BOOL" and (part > 1).any():
        raise ValueError(f"The array {name!r} is damaged: a BOOL is a byte of 0 or 1.")
    return part.view(DTYPES[dtype]).reshape(shape)
