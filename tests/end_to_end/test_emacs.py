"""`editors/emacs/tabwright.el` in a real Emacs with lsp-mode; the model is scripted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from end_to_end import recordings
from end_to_end.debian_editors import emacs
from end_to_end.fetching import NotHere
from end_to_end.scripted_server import prompts, scripted_command, scripted_environment
from end_to_end.terminal import Terminal, saved

OURS = Path(__file__).parents[2] / "editors" / "emacs"

# This Emacs is not where it was built, and its packages are not installed, so that nothing of
# lsp-mode is loaded by itself; and nobody is there to say which folder is the project.
INIT = """
(setq native-comp-enable-subr-trampolines nil native-comp-jit-compilation nil)
(setq lsp-enabled-clients '(tabwright) lsp-lens-enable nil lsp-enable-snippet nil
      lsp-headerline-breadcrumb-enable nil lsp-modeline-code-actions-enable nil
      lsp-modeline-diagnostics-enable nil lsp-modeline-workspace-status-enable nil
      lsp-diagnostics-provider :none lsp-completion-enable nil)
(setq lsp-auto-guess-root t lsp-session-file "{home}/session" lsp-enable-file-watchers nil)
(setq server-socket-dir "{home}" server-name "socket" make-backup-files nil)
(server-start)
(add-to-list 'load-path "{ours}")
(require 'tabwright)
(setq tabwright-command '({command}))
(add-hook 'prog-mode-hook #'lsp-deferred)
"""
SHOWN = """
(when lsp-inline-completion--overlay
  (overlay-get lsp-inline-completion--overlay 'after-string))
"""
STATUS = """
(when (lsp-feature? "textDocument/inlineCompletion")
  (format "%S" (lsp-workspace-command-execute "tabwright.showStatus")))
"""


@pytest.mark.real_editor
@pytest.mark.timeout(300)
def test_ghost_text_comes_by_itself_and_tab_accepts_it(tmp_path: Path) -> None:
    try:
        program, client, own = emacs()
    except NotHere as missing:
        pytest.skip(str(missing))
    home, project, record = (tmp_path / name for name in ("home", "project", "record"))
    home.mkdir(mode=0o700)
    (project / ".git").mkdir(parents=True)
    file = project / "area.py"
    file.write_text("def area(width, height):\n    return \n", encoding="utf-8")
    environment = recordings.recording_environment(
        {**scripted_environment(tmp_path, " * height"), **own, "HOME": str(home)}, record
    )
    command = " ".join(json.dumps(each) for each in [*scripted_command(), "serve"])
    init = home / "init.el"
    init.write_text(INIT.format(home=home, ours=OURS, command=command), encoding="utf-8")
    with Terminal([*program, "-q", "-l", str(init), str(file)], environment, project) as terminal:
        ask = asking([*client, "-s", str(home / "socket")])
        terminal.until(lambda: "is ready" in ask(STATUS))
        terminal.type("\x1b>\x02width")  # to the end, back to the line before
        terminal.until(lambda: "height" in ask(SHOWN))
        terminal.type("\t")
        terminal.until(lambda: "return width * height" in ask("(buffer-string)"))
        terminal.type("\r['🦜é', width")
        terminal.until(lambda: "height" in ask(SHOWN))
        terminal.type("\t\x18\x13")  # accept; save
        terminal.until(lambda: "['🦜é', width * height" in saved(file))
        assert "Unknown notification" not in ask(
            '(with-current-buffer "*Messages*" (buffer-string))'
        )
        terminal.type("\x18\x03")
        assert terminal.wait_for_end() == 0
    assert any(prompt.endswith("['🦜é', width") for prompt in prompts(tmp_path))
    recordings.keep("emacs", record, project)


def asking(client: list[str]) -> Callable[[str], str]:
    """Return what evaluates an expression in the buffer that is shown."""

    def ask(expression: str) -> str:
        code = f"(with-current-buffer (window-buffer (frame-selected-window)) {expression})"
        done = subprocess.run(
            [*client, "-e", code], capture_output=True, text=True, check=False, timeout=30
        )
        return done.stdout.strip()

    return ask
