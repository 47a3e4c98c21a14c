"""How much of what is typed a model completes: the specialists' benchmark, key by key."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from held_out_items import PACKAGES
from infilling_items import Item
from raw_model import Served
from reporting import say
from retyping import retype, settled_session
from specialist_figures import ALL, compare_pairs
from specialist_models import speaks
from typing_items import choose_items, copy_without_answers, count_keys

from tabwright.syntax.languages import LanguageRegistry


def completed_report(
    models: Sequence[Served],
    items: Sequence[Item],
    count: int,
    seed: int,
    folder: Path,
    registry: LanguageRegistry,
) -> dict[str, dict[str, Any]]:
    """Type pieces of the held-out packages with each model; return the shares by language, and of
    all languages together."""
    found: dict[str, dict[str, Any]] = {model.manifest.id: {} for model in models}
    together: dict[str, list[tuple[float, float]]] = {model.manifest.id: [] for model in models}
    for name in [name for name in PACKAGES if any(item.language == name for item in items)]:
        language = registry.for_editor_id(name)
        assert language is not None, "every language asked about is bundled"
        try:
            pieces = choose_items(count, seed, folder, (language.name.lower(),), PACKAGES[name])
        except click.ClickException as error:
            say(f"skipped: typing {name}: {error.message}")
            continue
        shares: dict[str, list[float]] = {}
        for model in models:
            if speaks(model, name):
                say(f"{model.manifest.id}: typing {name}")
                shares[model.manifest.id] = asyncio.run(completed_shares(model.manifest.id, pieces))
        base = shares[models[0].manifest.id]
        for model_id, values in shares.items():
            pairs = list(zip(values, base, strict=True))
            together[model_id] += pairs
            found[model_id][name] = compare_pairs(pairs, seed).as_row()
    for model_id, pairs in together.items():
        if pairs:
            found[model_id][ALL] = compare_pairs(pairs, seed).as_row()
    return found


async def completed_shares(model: str, pieces: Mapping[str, Sequence[Any]]) -> list[float]:
    """Return the share of each piece's keys that was accepted, 0 to 1."""
    with tempfile.TemporaryDirectory(prefix="tabwright-typing-") as base:
        moved = copy_without_answers(pieces, Path(base))
        roots = list(dict.fromkeys(item.file.root for item in moved))
        session = await settled_session(model, {}, roots)
        try:
            return [
                sum(count_keys(each.text) for each in await retype(session, item, lambda _: None))
                / count_keys(item.removed)
                for item in moved
            ]
        finally:
            await session.stop()
