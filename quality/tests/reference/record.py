"""Records the reference values of the ranking metrics with pytrec_eval and ir-measures.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python record.py sample   # writes sample.qrels and sample.run from a seed
    venv/bin/python record.py record   # writes expected.json from the two
    venv/bin/python record.py measures # writes measures.json from the two: every measure, by ir-measures

The sample holds ties, ties below single precision, non-ASCII ids, more relevant documents than the cut, and rankings
without a relevant document. Both files are in TREC's own format, so trec_eval reads them too.
"""

import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).parent
SEED = 20261
QUESTIONS = 60
IDS = [f"doc-{number:02d}" for number in range(20)] + ["Doc-01", "überblick", "zürich-guide", "電池"]


def sample():
    chance = random.Random(SEED)
    qrels, run = [], []
    for number in range(1, QUESTIONS + 1):
        question = f"q{number:03d}"
        judged = chance.sample(IDS, chance.choice([1, 2, 3, 4, 6, 14]))
        grades = {document: chance.choice([0, 1, 1, 2, 3]) for document in judged}
        if not any(grades.values()):
            grades[judged[0]] = 3
        qrels += [f"{question} 0 {document} {grade}" for document, grade in sorted(grades.items())]
        for document in chance.sample(IDS, chance.choice([1, 3, 8, 16, 24])):
            score = round(min(1.0, chance.random() * 0.8 + 0.1 * grades.get(document, 0)), chance.choice([1, 1, 6]))
            if chance.random() < 0.2:
                score += 1e-9
            run.append(f"{question} Q0 {document} 0 {score!r} sample")
    (HERE / "sample.qrels").write_text("\n".join(qrels) + "\n", encoding="utf-8")
    (HERE / "sample.run").write_text("\n".join(run) + "\n", encoding="utf-8")


def record():
    import pytrec_eval

    with open(HERE / "sample.qrels", encoding="utf-8") as file:
        qrels = pytrec_eval.parse_qrel(file)
    with open(HERE / "sample.run", encoding="utf-8") as file:
        run = pytrec_eval.parse_run(file)
    names = {"ndcg_cut_10": "ndcg_10", "recall_5": "recall_5", "recall_10": "recall_10", "recip_rank": "mrr"}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.5,10", "recip_rank"})
    questions = {
        question: {ours: round(values[theirs], 6) for theirs, ours in names.items()}
        for question, values in sorted(evaluator.evaluate(run).items())
    }
    mean = {
        name: round(sum(values[name] for values in questions.values()) / len(questions), 6)
        for name in names.values()
    }
    lines = ",\n".join(f"    {json.dumps(question)}: {json.dumps(values)}" for question, values in questions.items())
    text = f'{{\n  "mean": {json.dumps(mean)},\n  "questions": {{\n{lines}\n  }}\n}}\n'
    (HERE / "expected.json").write_text(text, encoding="utf-8")


def measures():
    import ir_measures

    from compare import calculate

    qrels = list(ir_measures.read_trec_qrels(str(HERE / "sample.qrels")))
    run = list(ir_measures.read_trec_run(str(HERE / "sample.run")))
    questions = {}
    for metric, values in calculate(qrels, run).items():
        for question, value in values.items():
            questions.setdefault(question, {})[metric] = round(value, 6)
    lines = ",\n".join(f"    {json.dumps(question)}: {json.dumps(values)}" for question, values in sorted(questions.items()))
    text = f'{{\n  "questions": {{\n{lines}\n  }}\n}}\n'
    (HERE / "measures.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    commands = {"sample": sample, "record": record, "measures": measures}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("usage: record.py sample|record|measures")
    commands[sys.argv[1]]()
