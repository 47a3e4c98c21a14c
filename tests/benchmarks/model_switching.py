"""What it costs to go on in another language, whose model is another one.

Two models of the default model's weights, one for Python and one for JavaScript, each with two
documents of the same text. Once all were used, every round types a statement in both documents of a
language and asks for the next one: in one of them right after the other language, then in the same
language, in turns. Both have as much to read and to write, so the difference is the switch. Of the
times the lower quartile is taken: what other programs do only adds.

    python tests/benchmarks/model_switching.py [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabwright.bundled_data import models_folder
from tabwright.commands.building import build_languages
from tabwright.document import TextRange
from tabwright.model.catalogue import read_catalogue
from tabwright.model.manifest import Manifest
from tabwright.model.weights import require_weights
from tabwright.session.documents import OpenDocument
from tabwright.session.model_host import LoadEvent
from tabwright.session.session import Session
from tabwright.settings import read_settings

DOCUMENTS = {
    "python": "def total(values):\n    result = 0\n    for value in values:\n        result += ",
    "javascript": "function total(values) {\n  let result = 0;\n  for (const value of values) {\n"
    "    result += ",
}
TYPED = "value.part{}\n"
FIRST_NUMBER = 10
"""Numbers of the same length, and none twice: an answer that is kept would cost nothing."""
TWINS = (0, 1)
TARGET_MILLISECONDS = 50


@dataclass
class Times:
    """Seconds per request."""

    after_other: list[float]
    after_same: list[float]


def two_manifests(folder: Path) -> None:
    """Write two models that use the default model's weights."""
    default = read_catalogue([models_folder()]).default
    require_weights(default)
    text = (models_folder() / f"{default.id}.toml").read_text(encoding="utf-8")
    for language in DOCUMENTS:
        made = text.replace(f'id = "{default.id}"', f'id = "{language}"\nbase = "{default.id}"')
        made = made.replace('languages = ["*"]', f'languages = ["{language}"]')
        made = made.replace("is_default = true\n", "")
        proof = (
            f'[[evidence]]\nlanguage = "{language}"\nagainst = "{default.id}"\n'
            'measure = "exact_match"\nours = 1\ntheirs = 0\nlow = 1\nhigh = 1\nitems = 1\n'
            'command = "none: a switch is timed, not a model"\n'
        )
        (folder / f"{language}.toml").write_text(f"{made}\n{proof}", encoding="utf-8")


async def timed(rounds: int, folder: Path) -> tuple[dict[str, Times], list[str]]:
    """Return the times by language, and the models in the order in which they were loaded."""
    loaded: list[str] = []

    def note(event: LoadEvent) -> None:
        if event.phase == "ready":
            loaded.append(event.model)

    session = Session(
        build_languages(), lambda: read_catalogue([models_folder(), folder]), on_load=note
    )
    session.configure(read_settings({"eagerness": "high", "memory": False}).settings)
    times = {language: Times([], []) for language in DOCUMENTS}
    try:
        for language, text in DOCUMENTS.items():
            for twin in TWINS:
                uri = f"file:///{language}/{twin}"
                session.documents.open(OpenDocument(uri, language, 1, text, None))
            manifest = session.models.choose(language)
            if not isinstance(manifest, Manifest) or manifest.id != language:
                raise SystemExit(f"{language} is not routed to its own model.")
            loading = session.models.begin_loading(manifest)
            assert loading is not None
            await loading
            for twin in TWINS:
                await asked(session, f"file:///{language}/{twin}", "")
        for number in range(rounds):
            for language in DOCUMENTS:
                line = DOCUMENTS[language].rpartition("\n")[2]
                typed = TYPED.format(FIRST_NUMBER + number) + line
                first = number % len(TWINS)
                after = (times[language].after_other, times[language].after_same)
                for measured, twin in zip(after, (first, 1 - first), strict=True):
                    uri = f"file:///{language}/{twin}"
                    measured.append(await asked(session, uri, typed))
    finally:
        await session.stop()
    return times, loaded


async def asked(session: Session, uri: str, typed: str) -> float:
    """Type something at the end of a document, ask there, and return the seconds it took."""
    document = session.documents.by_uri[uri]
    end = len(document.text)
    document.replace(TextRange(end, end), typed)
    document.version += 1
    began = time.perf_counter()
    outcome = await session.complete(uri, end + len(typed), is_automatic=True)
    seconds = time.perf_counter() - began
    if not outcome.timings.evaluated_tokens:
        raise SystemExit(f"No model was asked: {outcome}")
    return seconds


def main() -> None:
    """Print one line per language and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=24)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        two_manifests(Path(folder))
        times, loaded = asyncio.run(timed(rounds, Path(folder)))
    print("language    after the other   after the same   switch")
    costs = []
    for language, measured in times.items():
        other, same = milliseconds(measured.after_other), milliseconds(measured.after_same)
        costs.append(other - same)
        print(f"{language:<11} {other:>12.1f} ms   {same:>11.1f} ms  {other - same:>+6.1f} ms")
    print(f"loaded: {', '.join(loaded)}")
    verdict = "under" if max(costs) < TARGET_MILLISECONDS else "NOT under"
    again = "nothing was loaded again" if len(loaded) == len(DOCUMENTS) else "MODELS WERE RELOADED"
    print(f"A switch costs {verdict} {TARGET_MILLISECONDS} ms; {again}.")


def milliseconds(seconds: Sequence[float]) -> float:
    """Return the lower quartile in milliseconds."""
    return statistics.quantiles(seconds, n=4)[0] * 1000


if __name__ == "__main__":
    main()
