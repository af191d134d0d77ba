"""Records what the published tokenizer and the unpacked f32 weights say about some texts.

    python3 -m venv venv && venv/bin/pip install numpy tokenizers==0.23.3
    venv/bin/python make.py FOLDER

FOLDER holds `model.safetensors` and `tokenizer.json` of all-MiniLM-L6-v2. Writes `tokens.json` (text, ids, and the byte spans of
the ids in the text) and `vectors.json` (text, vector) beside this script. The encoder is written out here in numpy.
"""

import json
import math
import pathlib
import struct
import sys

import numpy as np
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
HEADS, LAYERS, MOST = 12, 6, 256

LONG = "The pump house keeps a log of every valve that was opened, by whom, and for how long. " * 24

TOKEN_TEXTS = [
    "",
    " ",
    "\t\r\n \u00a0\u3000",
    "The workshop opens at nine.",
    "Don't stop: 3.14 (approximately) is e-mailed to j.doe+test@example.com!",
    "Crème brûlée à la façon de Zoë — naïve coöperation",
    "Cre\u0300me bru\u0302le\u0301e, written with marks of their own",
    "İstanbul'da ılık bir gün; ŞEKER",
    "Straße, Größe, ÄÖÜ",
    "ΑΒΓΔ Ελληνικά ς",
    "Съешь ещё этих мягких французских булок",
    "水质分析 2024年 and 東京タワー、ﾊﾝｶｸ",
    "漢字かな交じり文\u3002",
    "한국어 텍스트 각",
    "हिन्दी में पाठ",
    "ภาษาไทย",
    "مَرْحَبًا بالعالم",
    "שָׁלוֹם עולם",
    "battery 🔋 full 👩‍👩‍👧 🇩🇪 ☃️",
    "zero\u200bwidth\u200djoiner\ufeffmark",
    "null\x00 bell\x07 escape\x1b del\x7f next\x85line",
    "replacement\ufffdcharacter",
    "soft\u00adhyphen and\u2028separator\u2029here",
    "a" * 99,
    "b" * 100,
    "c" * 101,
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "x" * 101 + " short " + "é" * 100,
    "$100 + 5% = `code` ~tilde^caret|pipe<angle>",
    "¿Qué? ¡No! «guillemets» „quotes“ … – ‐ ‰ § ¶ ©®™",
    "[CLS] [MASK] [SEP] [PAD] [UNK]",
    "##ing ##s # ##",
    "snake_case camelCase kebab-case path/to/file.rs::module",
    "ＦＵＬＬＷＩＤＴＨ １２３",
    "ﬁ ﬂ ligatures ① ½ x² H₂O",
    "\U0001d4b3 math \U00020000 rare \U0002b820 ideograph",
    "e\u0301\u0301\u0301 stacked Z\u0351\u036f\u0322a\u0334l\u0321g\u0335o",
    "tab\tseparated\tvalues\r\nnext line\rlast",
    "0123456789 1,000,000 1e-9 0xFF",
    "\u1e9e\u0130\u01c5 \u2126 \u212a \u212b",
    "\U0001faf6 \U0001fae8 new emoji \ue000 private \U000e0001 tag",
    LONG,
]

VECTOR_TEXTS = [
    "The workshop opens at nine.",
    "When can I bring my bike in for repair?",
    "The battery of the cargo bike is charged in four hours; charge the battery indoors.",
    "Invoices are due within thirty days of the date of issue.",
    "Turbidity of the samples from well seven rose after the storm.",
    "How is turbidity measured?",
    "pub fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError>",
    "Refunds take five working days. Shipping costs are not refunded.",
    "Crème brûlée à la façon de Zoë",
    "水质分析报告",
    "Съешь ещё этих мягких французских булок",
    "battery 🔋 full",
    "no",
    "",
    "ERR_4711 at 0x7fff: connection reset by peer",
    "| part | torque |\n|---|---|\n| stem | 6 Nm |\n| saddle clamp | 12 Nm |",
    "She did not say that the contract was void.",
    "She said that the contract was void.",
    "Who may sign for a delivery when the laboratory is closed, and where is the key kept over night?",
    "# Service > Brakes\nDisc pads are changed when less than one millimetre of lining is left. "
    "Bed new pads in with twenty firm stops from moderate speed before the first ride.",
    "z" * 300,
    LONG,
]


def tensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(data[start:end], dtype="<f4").reshape(entry["shape"])
    return found


def normed(x, of, name):
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    return scaled * of[f"{name}.weight"] + of[f"{name}.bias"]


def vector(ids, of):
    dense = lambda x, name: x @ of[f"{name}.weight"].T + of[f"{name}.bias"]
    erf = np.vectorize(math.erf)
    at = "embeddings."
    x = of[at + "word_embeddings.weight"][ids] + of[at + "position_embeddings.weight"][: len(ids)]
    x = normed(x + of[at + "token_type_embeddings.weight"][0], of, at + "LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        split = lambda y: y.reshape(len(ids), HEADS, -1).transpose(1, 0, 2)
        query, key, value = (split(dense(x, f"{at}attention.self.{name}")) for name in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        context = (weights @ value).transpose(1, 0, 2).reshape(len(ids), -1)
        x = normed(x + dense(context, f"{at}attention.output.dense"), of, f"{at}attention.output.LayerNorm")
        inner = dense(x, f"{at}intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = normed(x + dense(inner, f"{at}output.dense"), of, f"{at}output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def main():
    folder = pathlib.Path(sys.argv[1])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()  # the file carries a fixed padding and truncation to 128, which is not the model's
    tokenizer.enable_truncation(MOST)
    tokenizer.encode_special_tokens = True  # a text that says "[CLS]" is a text
    tokens = []
    for text in TOKEN_TEXTS:
        encoding = tokenizer.encode(text)
        bytes_at = lambda characters: len(text[:characters].encode())
        spans = [[bytes_at(start), bytes_at(end)] for start, end in encoding.offsets[1:-1]]
        tokens.append({"text": text, "ids": encoding.ids, "spans": spans})
    of = tensors(folder / "model.safetensors")
    vectors = []
    for text in VECTOR_TEXTS:
        found = vector(tokenizer.encode(text).ids, of)
        vectors.append({"text": text, "vector": [round(float(value), 6) for value in found]})
    for name, content in (("tokens.json", tokens), ("vectors.json", vectors)):
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in content)
        (HERE / name).write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
