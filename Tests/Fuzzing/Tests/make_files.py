"""Makes safetensors files, valid and modified ones, and the verdict of the package `safetensors` on each.

    make_files.py DIRECTORY COUNT SEED

File N is DIRECTORY/N. Each line of DIRECTORY/verdicts.jsonl is about one of them: {"file": "N", "error": null or a text,
"tensors": [{"name", "dtype", "shape", "bytes" (hexadecimal)}]}.
"""

import json
import random
import struct
import sys

from safetensors import deserialize

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2,
         "U8": 1, "BOOL": 1}
OTHERS = ["F8_E5M2", "F8_E4M3", "C64", "f32", "F33", ""]
NAMES = ["a", "weight", "blocks.0.bias", "é", "e\u0301", "漢字", "🙂", "\"", "\\", "\n", "\u0000", "/", "..", "", " ",
         "__metadata__x", "a" * 300]
WORDS = ["{", "}", "[", "]", ":", ",", "\"", "0", "-", "-0", "1.0", "1e0", "00", "null", "true", "{}", "[]", "\\u00e9",
         "\\ud800", "\\u0000", " ", "\n", "\t", "\x00", "\ufeff", "18446744073709551616", "9223372036854775808",
         "9223372036854775807", "4294967296", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"",
         "\"x\":1,", "\"__metadata__\":null,", "\"__metadata__\":{},", "\"F32\"", "\"F8_E4M3\"", "//", "'"]


def sound(draw):
    """The members of a header, and the data."""
    members, end = [], 0
    if draw.random() < 0.4:
        members.append(("__metadata__", {draw.choice(NAMES): draw.choice(NAMES) for _ in range(draw.randrange(3))}))
    for name in draw.sample(NAMES, draw.randrange(5)):
        dtype = draw.choice(OTHERS) if draw.random() < 0.03 else draw.choice(list(SIZES))
        shape = [draw.choice([0, 1, 2, 3, 5]) for _ in range(draw.randrange(4))]
        size = SIZES.get(dtype, 1)
        for extent in shape:
            size *= extent
        members.append((name, {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}))
        end += size
    return members, draw.randbytes(end)


def text_of(members, draw):
    """The JSON of a header; a list of members may contain a name twice."""
    compact = draw.random() < 0.7
    ascii_only = draw.random() < 0.5
    separators = (",", ":") if compact else (" , ", " : ")
    dump = lambda value: json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    text = "{" + separators[0].join(dump(name) + separators[1] + dump(value) for name, value in members) + "}"
    return text.encode() + b" " * draw.choice([0, 0, 1, 7, -len(text.encode()) % 8])


def changed_members(members, draw):
    """A random change of a header."""
    members = [(name, dict(value)) for name, value in members]
    if not members:
        return members
    index = draw.randrange(len(members))
    name, value = members[index]
    kind = draw.randrange(8)
    if kind == 0:
        members.insert(draw.randrange(len(members) + 1), (name, value))
    elif kind == 1:
        draw.shuffle(members)
    elif kind == 2:
        del members[index]
        return members
    elif kind == 3 and "shape" in value:
        value["shape"] = draw.choice([[], [0], [1], [-1], [2**32, 2**32], [2**63], [1.5], ["1"], None, value["shape"][::-1]])
    elif kind == 4 and "data_offsets" in value:
        start, end = value["data_offsets"]
        value["data_offsets"] = draw.choice(
            [[end, start], [start, end + 1], [start + 1, end + 1], [start, end, end], [start], [-1, end], [start, 2**63]])
    elif kind == 5:
        value[draw.choice(["x", "Dtype", "strides"])] = draw.choice([1, None, "", [[]], {"a": {"b": {}}}])
    elif kind == 6 and value:
        del value[draw.choice(list(value))]
    elif kind == 7:
        value = draw.choice([None, 1, [], {}, [value.get("dtype"), value.get("shape"), value.get("data_offsets")]])
    members[min(index, len(members) - 1)] = (name, value)
    return members


def changed_bytes(data, draw):
    """A random change of some bytes."""
    start = draw.randrange(len(data) + 1)
    end = min(len(data), start + draw.randrange(4))
    kind = draw.randrange(5)
    if kind == 0 and start < len(data):
        return data[:start] + bytes([draw.randrange(256)]) + data[start + 1:]
    if kind == 1:
        return data[:start] + data[end:]
    if kind == 2:
        return data[:start] + data[start:end] + data[start:]
    return data[:start] + draw.choice(WORDS).encode() + data[end:]


def file(draw):
    """The bytes of a file."""
    members, data = sound(draw)
    way = draw.randrange(6)
    if way == 1:
        members = changed_members(members, draw)
    header = text_of(members, draw)
    length = None
    if way in (2, 3):
        for _ in range(draw.choice([1, 1, 2, 3])):
            header = changed_bytes(header, draw)
    if way == 4:
        length = draw.choice([0, 1, 7, 8, len(header) - 1, len(header) + 1, 10**8, 10**8 + 1, 2**63, 2**64 - 1])
    if way == 5:
        data = draw.choice([data[:-1], data + b"\0", data[: len(data) // 2], b"", changed_bytes(data, draw)])
    whole = struct.pack("<Q", len(header) if length is None else max(length, 0)) + header + data
    return changed_bytes(whole, draw) if draw.random() < 0.05 else whole


def verdict(name, data):
    try:
        tensors = deserialize(data)
    except Exception as error:  # Any exception is a rejection.
        return {"file": name, "error": str(error)[:200] or type(error).__name__, "tensors": []}
    return {"file": name, "error": None, "tensors": [
        {"name": tensor, "dtype": found["dtype"], "shape": found["shape"], "bytes": bytes(found["data"]).hex()}
        for tensor, found in tensors]}


def main():
    directory, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    draw = random.Random(seed)
    with open(f"{directory}/verdicts.jsonl", "w", encoding="utf-8") as verdicts:
        for number in range(count):
            data = file(draw)
            with open(f"{directory}/{number}", "wb") as output:
                output.write(data)
            verdicts.write(json.dumps(verdict(str(number), data)) + "\n")


main()
