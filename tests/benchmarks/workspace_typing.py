"""How much of what a newer version added a model made for the code base completes, key by key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from packages import SourceFile
from raw_model import Served
from reporting import say
from specialist_figures import compare_pairs
from specialist_typing import completed_shares
from typing_items import Item, choose_items
from version_changes import Release, added_places
from workspace_training import own_directories

from tabwright.specialization.installing import install
from tabwright.syntax.languages import LanguageRegistry

OWN = "workspace-typed"


def added_pieces(
    release: Release,
    old: Sequence[SourceFile],
    new: Sequence[SourceFile],
    count: int,
    seed: int,
    folder: Path,
    registry: LanguageRegistry,
) -> dict[str, list[Item]]:
    """Return pieces of which every line was added, at most one in a file."""
    added = {(place.file.path, place.line - 1) for place in added_places(old, new)}

    def is_added(file: SourceFile, lines: range) -> bool:
        texts = file.text.split("\n")
        return all((file.path, line) in added for line in lines if texts[line].strip())

    language = registry.for_editor_id(release.language)
    assert language is not None, "the languages of all releases are bundled"
    wanted = (language.name.lower(),)
    return choose_items(count, seed, folder, wanted, (release.new,), is_added)


def completed_keys(
    pieces: Mapping[str, Sequence[Item]], specialist: Served, own: Served, seed: int, place: Path
) -> dict[str, Any]:
    """Type the pieces in the newer version, with the language's model and with the code base's.

    Both are used by the whole server, which knows the workspace besides, in a data folder of its
    own below `place`.
    """
    assert own.adapter is not None, "a model made for a code base is an adapter"
    place.mkdir()
    with own_directories(place) as environment, _in(environment):
        manifest = msgspec.structs.replace(
            own.manifest, id=OWN, base=specialist.manifest.id, products=(), folder=""
        )
        install(manifest, own.adapter, "of a benchmark")
        shares = []
        for model_id in (OWN, specialist.manifest.id):
            say(f"{model_id}: typing")
            shares.append(asyncio.run(completed_shares(model_id, pieces)))
    pairs = list(zip(*shares, strict=True))
    return compare_pairs(pairs, seed).as_row() | {"pairs": pairs}


@contextmanager
def _in(environment: Mapping[str, str]) -> Iterator[None]:
    """Have this process use an environment for a while."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
