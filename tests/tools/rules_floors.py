#!/usr/bin/env python3
"""Holds the rule packs against the floors of tests/eval/floors.json.

Usage: rules_floors.py PAGEKEEPER SHARED

Scores the two sets under SHARED/eval with their own scorer, prints sums only, and fails where a figure is under its floor (or
over its ceiling). No row of either set is printed: nobody who writes rules may read the locked one.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
CONCERNS = ["threat_violence", "self_harm", "child_abuse_disclosure", "sexual_exploitation"]


def scored(program, shared, name, folder):
    gold = shared / "eval" / f"{name}.jsonl"
    predicted = folder / f"{name}.pred"
    with open(predicted, "w") as out:
        evaluate = [program, "rules", "eval", gold, "--dir", HERE.parent / "config/rules", "--allow", shared / "eval/allow.toml"]
        subprocess.run(evaluate, stdout=out, check=True)
    found = {}
    for severity in ["medium", "high"]:
        report = folder / f"{name}.{severity}.json"
        score = [sys.executable, shared / "eval/score.py", "--gold", gold, "--pred", predicted, "--min-severity", severity, "--json", report]
        subprocess.run(score, stdout=subprocess.DEVNULL, check=True)
        found[severity] = json.loads(report.read_text())
    return figures(found, spanish(gold, predicted))


def spanish(gold, predicted):
    """Recall on the concerns written in Spanish, at medium and above."""
    grave = {"medium", "high", "critical"}
    flags = {}
    for line in open(predicted):
        row = json.loads(line)
        flags[row["id"]] = {flag["category"] for flag in row["flags"] if flag["severity"] in grave}
    hits = total = 0
    for line in open(gold):
        row = json.loads(line)
        if row.get("kind") == "public" or row.get("lang") != "es":
            continue
        for label in set(row["label"]) & set(CONCERNS):
            total += 1
            hits += label in flags.get(row["id"], ())
    return hits / total if total else 1.0


def figures(found, in_spanish):
    def recall(severity):
        domain = found[severity]["DOMAIN"]
        return sum(domain[name]["recall"] for name in CONCERNS) / len(CONCERNS)

    alarms = found["medium"]["FPR"]
    return {
        "concerns_recall": recall("medium"),
        "concerns_recall_high": recall("high"),
        "concerns_recall_spanish": in_spanish,
        "macro_f1": found["medium"]["DOMAIN"]["MACRO"]["f1"],
        "benign_flagged": next(rate for name, rate in alarms.items() if name.startswith("benign district")),
        "hard_negatives_flagged": next(rate for name, rate in alarms.items() if name.startswith("hard negatives")),
    }


def main():
    program, shared = sys.argv[1], pathlib.Path(sys.argv[2])
    floors = json.loads((HERE / "eval/floors.json").read_text())
    failed = 0
    print(f"{'set':<8} {'figure':<26} {'found':>7} {'limit':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for name, limits in floors.items():
            for figure, found in scored(program, shared, name, pathlib.Path(folder)).items():
                limit, is_ceiling = limits[figure], figure.endswith("_flagged")
                good = found <= limit if is_ceiling else found >= limit
                failed += not good
                print(f"{name:<8} {figure:<26} {found:>7.3f} {limit:>7.3f}{'' if good else '  not held'}")
    sys.exit(1 if failed else 0)


main()
