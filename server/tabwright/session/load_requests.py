"""How each model is to be loaded now, by how fast it is here; the disk is asked now and then."""

from __future__ import annotations

import math
import time

from tabwright.completion.budget import UNMEASURED, Speeds
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import Measurement, remember, remembered
from tabwright.model.messages import LoadModel
from tabwright.session.loading import measured_as, unsized_request, with_context
from tabwright.settings import Settings

SECONDS_BELIEVED = 5.0
"""What was seen on the disk is taken to hold for so long."""


class LoadRequests:
    """The requests of all models under the settings as they are, and what was measured of them."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._measurements: dict[str, Measurement | None] = {}
        self._assumed_speeds: Speeds | None = None
        self._made: dict[str, tuple[float, LoadModel | None]] = {}

    def configure(self, settings: Settings) -> None:
        """Take new settings."""
        self._settings = settings
        self.look_again()

    def look_again(self) -> None:
        """Ask the disk when a model is asked about next."""
        self._made.clear()

    def forget_measurements(self) -> None:
        """Read again what was measured, since the weights may be others now."""
        self._measurements.clear()

    def of(self, manifest: Manifest) -> LoadModel | None:
        """Return how to load a model, None when its weights are gone."""
        asked, request = self._made.get(manifest.id, (-math.inf, None))
        if request is None or time.monotonic() - asked > SECONDS_BELIEVED:
            request = self._new(manifest)
            self._made[manifest.id] = (time.monotonic(), request)
        return request

    def _new(self, manifest: Manifest) -> LoadModel | None:
        request = unsized_request(manifest, self._settings)
        if request is None:
            return None
        return with_context(request, manifest, self._settings, self.speeds(request))

    def measurement(self, request: LoadModel) -> Measurement | None:
        """Return what was measured of a model here, None before that."""
        key = measured_as(request)
        if key not in self._measurements:
            self._measurements[key] = remembered(key)
        return self._measurements[key]

    def wants_measurement(self, request: LoadModel) -> bool:
        """Say whether nobody knows yet how fast a model is."""
        return self._assumed_speeds is None and self.measurement(request) is None

    def note_measured(self, request: LoadModel, found: Measurement) -> None:
        """Remember what was measured; from now on requests follow from it."""
        remember(measured_as(request), found)
        self._measurements.clear()
        self._made.clear()
        self._measurements[measured_as(request)] = found

    def assume_speeds(self, speeds: Speeds | None) -> None:
        """Take every model to be this fast, measured or not; None goes back to measuring."""
        self._assumed_speeds = speeds
        self._made.clear()

    def speeds_of(self, manifest: Manifest) -> Speeds | None:
        """Return how fast a model is taken to be, None when its weights are gone."""
        request = self.of(manifest)
        return self.speeds(request) if request is not None else None

    def speeds(self, request: LoadModel) -> Speeds:
        """Return how fast the model of a request is taken to be."""
        if self._assumed_speeds is not None:
            return self._assumed_speeds
        found = self.measurement(request)
        return UNMEASURED if found is None else Speeds(found.read, found.write)
