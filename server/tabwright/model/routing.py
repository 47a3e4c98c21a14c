"""Which model answers for a language, among those that are installed.

The choice so far: a model that names the language before a general one; then one that can fill in
the middle; then the larger, as long as it takes at most half of the machine's memory. Someone who
has fetched a larger model wants it used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tabwright.model.manifest import Manifest

GENERAL = "*"
_SHARE_OF_MEMORY = 0.5


def choose_manifest(
    manifests: Sequence[Manifest],
    language: str,
    *,
    is_installed: Callable[[Manifest], bool],
    memory_mb: int,
) -> Manifest | None:
    """Return the best installed manifest for an editor language id, None when there is none."""
    usable = [
        manifest
        for manifest in manifests
        if (language in manifest.languages or GENERAL in manifest.languages)
        and is_installed(manifest)
    ]
    return max(usable, key=lambda each: _rank(each, language, memory_mb), default=None)


def _rank(manifest: Manifest, language: str, memory_mb: int) -> tuple[bool, bool, bool, int, str]:
    fits = manifest.memory_mb <= memory_mb * _SHARE_OF_MEMORY
    return (
        fits,
        language in manifest.languages,
        manifest.fill_in_the_middle is not None,
        manifest.parameters_millions if fits else -manifest.parameters_millions,
        manifest.id,
    )
