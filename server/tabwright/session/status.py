"""What an editor shows in its status bar, from what happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tabwright.completion.suggestion import Outcome, Reason, Suggestion
from tabwright.model.client import ProcessState
from tabwright.session.model_host import LoadEvent

StatusKind: TypeAlias = Literal["Normal", "Warning", "Error", "Inactive"]

_STATUS_KINDS: Mapping[Reason, StatusKind] = {
    Reason.DISABLED: "Inactive",
    Reason.MANUAL_ONLY: "Inactive",
    Reason.EXCLUDED_FILE: "Inactive",
    Reason.IGNORED_FILE: "Inactive",
    Reason.MODEL_MISSING: "Warning",
    Reason.MODEL_RESTARTING: "Warning",
    Reason.MODEL_FAILED: "Error",
    Reason.MODEL_GAVE_UP: "Error",
    Reason.INTERNAL_ERROR: "Error",
}


@dataclass(frozen=True)
class Status:
    """What an editor shows in its status bar."""

    busy: bool
    kind: StatusKind
    message: str


class StatusBar:
    """The status now; `on_status` is told when it becomes another one."""

    def __init__(self, on_status: Callable[[Status], None]) -> None:
        self._on_status = on_status
        self.now = Status(busy=False, kind="Normal", message="")

    def show_busy(self, busy: bool) -> None:
        """A model begins or ends to answer."""
        self._set(busy, "Normal" if busy else self.now.kind, self.now.message)

    def show_missing(self, sentence: str) -> None:
        """There is no model for a document, for this reason."""
        self._set(False, "Warning", sentence)

    def show_load(self, event: LoadEvent) -> None:
        """A model is being loaded, or was, or is given up."""
        if event.phase == "failed" and event.problem:
            self._set(False, "Error", event.problem)
        elif event.phase == "loading":
            self._set(True, "Normal", f"Loading {event.model}: {event.fraction:.0%}")
        elif event.phase == "ready":
            self._set(False, "Normal", f"{event.model} is ready")
        elif event.phase == "unloaded":
            self._set(False, "Inactive", f"{event.model} is resting")

    def show_process(self, state: ProcessState) -> None:
        """The model process has ended, for good or until it is started again."""
        if state is ProcessState.GAVE_UP:
            self._set(False, "Error", Reason.MODEL_GAVE_UP.sentence)
        elif state is ProcessState.WAITING_TO_RESTART:
            self._set(True, "Warning", Reason.MODEL_RESTARTING.sentence)

    def show_outcome(self, outcome: Outcome) -> None:
        """A request has come to its end."""
        if isinstance(outcome, Suggestion):
            milliseconds = outcome.timings.total_seconds * 1000
            self._set(False, "Normal", f"{outcome.model}: {milliseconds:.0f} ms")
            return
        kind = _STATUS_KINDS.get(outcome.reason, "Normal")
        busy = outcome.reason in (Reason.MODEL_LOADING, Reason.MODEL_RESTARTING)
        self._set(busy, kind, outcome.sentence)

    def _set(self, busy: bool, kind: StatusKind, message: str) -> None:
        status = Status(busy, kind, message)
        if status != self.now:
            self.now = status
            self._on_status(status)
