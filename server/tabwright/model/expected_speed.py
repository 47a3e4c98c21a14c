"""How fast a model would be here that nobody has measured yet: a guess, from what is known.

Writing reads all weights once per token, so it goes with the size of the file; reading prompts is
computing, so it goes with the number of parameters. Both scale from the measured model that is
nearest in size. Where none was measured, from the number of cores, after what the default model
does on two cores of a small virtual machine (`tabwright models bench`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tabwright.model.manifest import Manifest
from tabwright.model.measurements import Measurement

_WRITE_MB_PER_SECOND_AND_CORE = 2500.0
_READ_MILLIONS_PER_SECOND_AND_CORE = 18_000.0
_MOST_CORES = 8
"""More of them wait for the same memory."""
_TIMES_FASTER_ON_GPU = 20.0


def expected_speed(
    manifest: Manifest,
    known: Sequence[Manifest],
    measured: Mapping[str, Measurement],
    *,
    cores: int,
    has_gpu: bool,
) -> Measurement:
    """Return the tokens per second to expect of a model."""
    own = measured.get(manifest.id)
    if own is not None:
        return own
    references = [each for each in known if each.id in measured]
    if not references:
        factor = min(cores, _MOST_CORES) * (_TIMES_FASTER_ON_GPU if has_gpu else 1.0)
        return Measurement(
            read=_READ_MILLIONS_PER_SECOND_AND_CORE * factor / manifest.parameters_millions,
            write=_WRITE_MB_PER_SECOND_AND_CORE * factor / manifest.weights.size_mb,
        )
    nearest = min(references, key=lambda each: _distance(each, manifest))
    speed = measured[nearest.id]
    return Measurement(
        read=speed.read * nearest.parameters_millions / manifest.parameters_millions,
        write=speed.write * nearest.weights.size_mb / manifest.weights.size_mb,
    )


def _distance(one: Manifest, other: Manifest) -> float:
    return abs(math.log(one.parameters_millions / other.parameters_millions))
