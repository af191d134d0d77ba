"""Compares a run that `quality score --out DIR` wrote with what ir-measures says of the same files, to four places.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python compare.py DIR [COLLECTION ...]

For every collection in DIR (its .run, .qrels and .scores.json) each measure is compared for each question and as a mean. Ends
with 1 when a value differs in the fourth place. RBP comes from cwl_eval, which is a package of its own;
without it RBP is computed here from its definition over the order that trec_eval gives.
"""

import json
import pathlib
import struct
import sys

import ir_measures
from ir_measures import AP, P, R, RBP, RR, Judged, Success, nDCG

TREC = {
    "ndcg@5": nDCG @ 5, "ndcg@10": nDCG @ 10, "ndcg@100": nDCG @ 100,
    "recall@5": R @ 5, "recall@10": R @ 10, "recall@100": R @ 100,
    "precision@1": P @ 1, "precision@5": P @ 5, "precision@10": P @ 10,
    "map": AP @ 100, "ap@10": AP @ 10, "mrr": RR,
    "success@1": Success @ 1, "success@5": Success @ 5, "success@10": Success @ 10,
}
OTHERS = {"rbp": RBP(rel=1, p=0.8), "judged@10": Judged @ 10}


def calculate(qrels, run):
    """Values by measure and question. cwl_eval and the count of judged documents break ties in an order of their own, so they
    get the order of trec_eval, single precision and greater ids first, as scores without ties."""
    single = lambda score: struct.unpack("f", struct.pack("f", score))[0]
    ranked = {}
    for scored in run:
        ranked.setdefault(scored.query_id, []).append((single(scored.score), scored.doc_id))
    ordered = [
        ir_measures.ScoredDoc(question, document, float(-place))
        for question, scored in ranked.items()
        for place, (_, document) in enumerate(sorted(scored, key=lambda pair: (pair[0], pair[1].encode()), reverse=True))
    ]
    names = {str(measure): metric for metric, measure in {**TREC, **OTHERS}.items()}
    values = {metric: {} for metric in names.values()}
    for measures, of in ((TREC, run), (OTHERS, ordered)):
        for found in ir_measures.iter_calc(measures.values(), qrels, of):
            values[names[str(found.measure)]][found.query_id] = found.value
    return values


def compare(folder, name):
    ours = json.loads((folder / f"{name}.scores.json").read_text(encoding="utf-8"))
    qrels = list(ir_measures.read_trec_qrels(str(folder / f"{name}.qrels")))
    run = list(ir_measures.read_trec_run(str(folder / f"{name}.run")))
    theirs = calculate(qrels, run)
    wrong = 0
    print(f"{name}: {len(ours['questions'])} questions, {len(run)} ranked documents")
    for metric, values in theirs.items():
        # A question without a single retrieved document is in the judgements alone and counts 0.
        each = {question: values.get(question, 0.0) for question in ours["questions"]}
        mean = sum(each.values()) / len(each)
        worst = max(abs(ours["questions"][question][metric] - value) for question, value in each.items())
        equal = worst < 0.00005 and abs(mean - ours["mean"][metric]) < 0.00005
        wrong += not equal
        print(f"  {metric:12} ours {ours['mean'][metric]:.4f}  theirs {mean:.4f}  worst question {worst:.1e}  {'equal' if equal else 'DIFFERS'}")
    return wrong


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: compare.py DIR [COLLECTION ...]")
    folder = pathlib.Path(sys.argv[1])
    names = sys.argv[2:] or sorted(file.stem for file in folder.glob("*.run"))
    if not names:
        sys.exit(f"{folder}: there is no .run file; write some with `quality score --out`")
    sys.exit(1 if sum(compare(folder, name) for name in names) else 0)


if __name__ == "__main__":
    main()
