#!/usr/bin/env python3
"""Makes the golden values that dtrain's tests of scores compare with.

Made with sacreBLEU 2.6.0, rouge-score 0.1.2, scikit-learn 1.9.1, SciPy 1.17.1 and Python 3.11:

    pip install sacrebleu rouge-score scikit-learn scipy
    python Tests/MetricsTests/Golden/make_golden.py

Three files are written beside this script. Running it again gives the same bytes.

translation.json      lines with their 13a tokens; corpora with the statistics and scores of BLEU, chrF and chrF++
rouge.json            lines with their words; pairs of lines with ROUGE-1, ROUGE-2 and ROUGE-L
classification.json   confusion matrices, multi-label decisions and regressions with their scores

captions.en and captions.fr are twenty sentences written for these tests, one the translation of the other.
"""

from __future__ import annotations

import json
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from rouge_score import rouge_scorer, tokenizers
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from scipy.stats import pearsonr
from sklearn import metrics

HERE = Path(__file__).parent


class Generator:
    """Numbers that no other version of Python changes (Knuth's MMIX linear congruential generator)."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, limit: int) -> int:
        self.state = (6364136223846793005 * self.state + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit


# --- Translation ---

NASTY = [
    "",
    " ",
    "\t \u3000\u00a0",
    ".",
    "...",
    "a,b.c",
    "1,000.5 and 1,000. and .5 and ,5, 5.",
    "$1,000.50 (approx. 3.14-2.71), 5-6, a-b, -7, 7-",
    "7--8 7-.-8 7-,9",
    "..1..2,,3.,4",
    "x.,y .,. ,., z",
    "&quot;Hello,&quot; she said &amp; left &lt;here&gt; &apos;now&apos;",
    "&amp;lt; &amp;quot; &amp;amp;amp; &quot &;",
    "<skipped>one<skipped> two <skip<skipped>ped>",
    "line-\nbreak and\nanother -\n- one\r\n",
    "{a}[b]^c_d`e|f~g\\h @i#j%k*l+m=n?o!p:q;r<s>t/u'v\"w",
    "don't, won't; it's 'quoted' \u2018quoted\u2019 \u201cdouble\u201d \u00ab guillemets \u00bb",
    "caf\u00e9. na\u00efve, \u00e9.\u00e8,\u00ea",
    "cafe\u0301. nai\u0308ve, e\u0301.e\u0300,e\u0302",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002 \u3053\u3093\u306b\u3061\u306f.\u4e16\u754c,\uc548\ub155",
    "\u0661\u0662\u0663,\u0664\u0665. \u0967\u0968.\u0969 \uff11,\uff12.\uff13 \u00b2.\u00b3",
    "em\u2014dash en\u2013dash non\u2011breaking minus\u22125 5\u2212",
    "tabs\tand  several   spaces \u00a0 nbsp\u2003em\u2009thin\u200bzero\u202fnarrow\u3000wide\u2028line\u2029par\x85nel",
    "\x1cfs\x1dgs\x1ers\x1fus\x0bvt\x0cff\x00nul\x7fdel",
    "\U0001f600.\U0001f469\u200d\U0001f4bb,\U0001f1eb\U0001f1f7 \U0001d6fc.\U0001d7d8,\U0001d7d9",
    "Mr. Smith (U.S.A.) paid 3.5% of #42 @ 10:30, e.g. http://a.b/c?d=e&f=g",
    "\ufeffbom. \u00adsoft\u00adhyphen. \u0645\u0631\u062d\u0628\u0627\u060c \u05e9\u05dc\u05d5\u05dd.",
    "trailing .\u3000\x1f ",
]


def perturbed(line: str, others: list[str], generator: Generator, share: int) -> str:
    """Drops, doubles, swaps and replaces words, each in one of `share` cases."""
    words: list[str] = []
    for word in line.split():
        event = generator.below(4 * share)
        if event == 0:
            continue
        if event == 1:
            words.append(word)
        if event == 2 and words:
            words.insert(len(words) - 1, word)
            continue
        if event == 3:
            replacements = others[generator.below(len(others))].split()
            word = replacements[generator.below(len(replacements))]
        words.append(word)
    return " ".join(words)


def shuffled(line: str, generator: Generator) -> str:
    words = line.split()
    for index in range(len(words) - 1, 0, -1):
        other = generator.below(index + 1)
        words[index], words[other] = words[other], words[index]
    return " ".join(words)


def corpora() -> dict[str, tuple[list[str], list[str]]]:
    french, english = ((HERE / f"captions.{name}").read_text("utf-8").splitlines() for name in ("fr", "en"))
    generator = Generator(1337)
    lightly = [perturbed(line, french, generator, 8) for line in french]
    heavily = [perturbed(line, french, generator, 1) for line in french]
    composed = [unicodedata.normalize("NFC", line) for line in french]
    decomposed = [unicodedata.normalize("NFD", line) for line in french]
    return {
        "light": (lightly, french),
        "heavy": (heavily, french),
        "shuffled words": ([shuffled(line, generator) for line in english], english),
        "shuffled lines": (english[7:] + english[:7], english),
        "another language": (english, french),
        "the same": (french, french),
        "first halves": ([line[: len(line) // 2] for line in french], french),
        "doubled": ([f"{line} {line}" for line in french], french),
        "composed and decomposed": (decomposed, composed),
        "nasty against itself, reversed": (NASTY[::-1], NASTY),
        "nasty with other spaces": ([" ".join(line.split()) for line in NASTY], NASTY),
        "nasty perturbed": ([perturbed(line, english, generator, 2) for line in NASTY], NASTY),
        "all hypotheses empty": ([""] * 3, english[:3]),
        "all references empty": (english[:3], [""] * 3),
        "all empty": (["", " "], ["\t", ""]),
        "some empty": (["", lightly[1], lightly[2], ""], [french[0], "", french[2], ""]),
        "nothing in common": (["abc def ghi jkl mno"], ["pqrs tuvw xyz 123 456"]),
        "one word": (["yes"], ["yes"]),
        "two words a line": (["a dog", "the cat"], ["a dog", "a cat"]),
        "no trigram matches": (["the cat on a mat is here"], ["here the cat is on mat a"]),
        "no bigram matches": (["f e d c b a", "z"], ["a b c d e f", "y"]),
        "clipped": (["the the the the the the the"], ["The cat is on the mat."]),
        "case": (["THE CAT SAT ON THE MAT"], ["the cat sat on the mat"]),
        "ideographs": (["猫が好きです。私は犬", "我喜欢猫，你呢？"], ["私は猫が好きです。", "你喜欢狗，我呢？"]),
        "marks at the ends of words": (['("hi") -a- .x. \'y\' !! ?a «b»'], ['(hi) -a a- .x y !? a «b»']),
    }


def translation() -> dict[str, list[Any]]:
    tokenize = Tokenizer13a()
    cases = []
    for name, (hypotheses, references) in corpora().items():
        case: dict[str, Any] = {"name": name, "hypotheses": hypotheses, "references": references}
        for key, metric in {"bleu": BLEU(force=True), "chrf": CHRF(), "chrf++": CHRF(word_order=2)}.items():
            segments = metric._extract_corpus_statistics(hypotheses, [references])
            case[key] = {
                "score": float(metric.corpus_score(hypotheses, [references]).score),
                "statistics": [int(sum(column)) for column in zip(*segments)],
            }
        bleu = BLEU(force=True).corpus_score(hypotheses, [references])
        case["bleu"] |= {"precisions": [float(p) for p in bleu.precisions], "brevity_penalty": float(bleu.bp)}
        cases.append(case)
    return {
        "lines": [{"line": line, "tokens": tokenize(line.rstrip()).split()} for line in NASTY],
        "corpora": cases,
    }


# --- Summaries ---

LETTERS = ["\u212a\u212b \u0130I\u0131 \u017f\u00df \ufb01x", "x\u0301y 1\u00b22 \u2160 \uff21a A\u0300B", "snake_case don't 3.14"]


def rouge() -> dict[str, list[Any]]:
    """Scores of pairs; the corpora are those of the translations, without the longest."""
    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = rouge_scorer.RougeScorer(kinds, use_stemmer=False)
    tokenizer = tokenizers.DefaultTokenizer(use_stemmer=False)
    names = ["heavy", "shuffled words", "nasty against itself, reversed", "all empty", "some empty", "clipped", "case"]
    pairs = [pair for name in names for pair in zip(*corpora()[name])] + list(zip(LETTERS, LETTERS[::-1]))
    cases = []
    for hypothesis, reference in pairs:
        scores = scorer.score(reference, hypothesis)
        cases.append({"hypothesis": hypothesis, "reference": reference} | {kind: list(scores[kind]) for kind in kinds})
    return {"lines": [{"line": line, "words": tokenizer.tokenize(line)} for line in NASTY + LETTERS], "pairs": cases}


# --- Classification and regression ---


def averages(targets: Any, predictions: Any) -> dict[str, Any]:
    def scores(average: str | None, **options: Any) -> list[Any]:
        values = metrics.precision_recall_fscore_support(targets, predictions, average=average, **options)[:3]
        return [value.tolist() if average is None else float(value) for value in values]

    return {"macro": scores("macro"), "micro": scores("micro")}


def single_label(classes: int, samples: int, right: int, used: int, seed: int) -> dict[str, Any]:
    """Samples of the first `used` of `classes`, right in `right` of ten cases."""
    generator = Generator(seed)
    targets = [generator.below(used) for _ in range(samples)]
    predictions = [target if generator.below(10) < right else generator.below(used) for target in targets]
    every = list(range(classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(targets, predictions, labels=every)
    return {
        "classes": classes,
        "targets": targets,
        "predictions": predictions,
        "matrix": metrics.confusion_matrix(targets, predictions, labels=every).ravel().tolist(),
        "accuracy": float(metrics.accuracy_score(targets, predictions)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        **averages(targets, predictions),
    }


def multi_label(classes: int, samples: int, seed: int) -> dict[str, Any]:
    """The last class never occurs and is never predicted; the one before it is predicted but never occurs."""
    generator = Generator(seed)
    targets = np.array([[generator.below(3) == 0 for _ in range(classes)] for _ in range(samples)])
    flips = np.array([[generator.below(5) == 0 for _ in range(classes)] for _ in range(samples)])
    targets[:, -2:] = False
    predictions = targets ^ flips
    predictions[:, -1] = False
    precision, recall, f1, support = metrics.precision_recall_fscore_support(targets, predictions)
    return {
        "classes": classes,
        "targets": targets.astype(int).tolist(),
        "predictions": predictions.astype(int).tolist(),
        "matrices": metrics.multilabel_confusion_matrix(targets, predictions).reshape(classes, 4).tolist(),
        "subset_accuracy": float(metrics.accuracy_score(targets, predictions)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        **averages(targets, predictions),
    }


def regression(samples: int, offset: float, noise: int, seed: int) -> dict[str, Any]:
    generator = Generator(seed)
    targets = [offset + generator.below(1000) / 256 for _ in range(samples)]
    predictions = [target + (generator.below(2 * noise + 1) - noise) / 256 for target in targets]
    return {
        "targets": targets,
        "predictions": predictions,
        "mean_squared_error": float(metrics.mean_squared_error(targets, predictions)),
        "pearson": float(pearsonr(targets, predictions).statistic),
    }


def classification() -> dict[str, list[Any]]:
    return {
        "single_label": [
            single_label(2, 50, 8, 2, 1),
            single_label(5, 200, 6, 5, 2),
            single_label(7, 60, 5, 4, 3),
            single_label(3, 1, 10, 3, 4),
        ],
        "multi_label": [multi_label(6, 80, 5), multi_label(3, 40, 6)],
        "regression": [regression(40, 0, 300, 7), regression(100, 1e6, 50, 8), regression(2, -3, 1000, 9)],
    }


def write(name: str, sections: dict[str, list[Any]]) -> None:
    """Writes a case a line."""
    parts = [f'"{key}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]" for key, cases in sections.items()]
    (HERE / name).write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore", metrics._classification.UndefinedMetricWarning)
    write("translation.json", translation())
    write("rouge.json", rouge())
    write("classification.json", classification())
