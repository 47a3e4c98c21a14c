"""A real Neovim without a screen, driven key by key."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pynvim  # type: ignore[import-untyped]  # ships no type information

from end_to_end.neovims import Neovim, installed_neovim

PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.05
PLUGIN = Path(__file__).parents[2] / "editors" / "neovim"

_INIT = """
vim.opt.runtimepath:prepend({plugin})
vim.o.swapfile = false
vim.g.asked, vim.g.answered, vim.g.taken_back, vim.g.most_open = 0, 0, 0, 0
local open = {{}}
vim.api.nvim_create_autocmd('LspRequest', {{
  callback = function(event)
    local request, id = event.data.request, event.data.request_id
    if request.method == 'textDocument/inlineCompletion' then
      open[id] = request.type == 'pending' or nil
      vim.g.most_open = math.max(vim.g.most_open, vim.tbl_count(open))
      if request.type == 'pending' then
        vim.g.asked = vim.g.asked + 1
      elseif request.type == 'cancel' then
        vim.g.taken_back = vim.g.taken_back + 1
      elseif request.type == 'complete' then
        vim.g.answered = vim.g.answered + 1
      end
    end
  end,
}})
sent = {{}}
vim.api.nvim_create_autocmd('LspNotify', {{
  callback = function(event)
    table.insert(sent, {{ event.data.method, event.data.params }})
  end,
}})
{extra}
require('tabwright').setup({{ cmd = {command}, settings = {settings}, ghost_text = {ghost_text} }})
"""


class Editor:
    """One Neovim with one file open."""

    def __init__(
        self,
        folder: Path,
        file: Path,
        settings: Mapping[str, Any] | None = None,
        extra_lua: str = "",
        command: Sequence[str] = (sys.executable, "-m", "tabwright", "serve"),
        neovim: Neovim | None = None,
    ) -> None:
        neovim = neovim or installed_neovim()
        # The machine may be busy, and a suggestion that comes late is one here too.
        all_settings = {"timeLimitSeconds": 30, **(settings or {})}
        init = folder / "init.lua"
        init.write_text(
            _INIT.format(
                plugin=_lua(str(PLUGIN)),
                command=_lua(list(command)),
                settings=_lua(all_settings),
                ghost_text=_lua(neovim.ghost_text),
                extra=extra_lua,
            ),
            encoding="utf-8",
        )
        self.file = file
        variables = [f"{name}={value}" for name, value in neovim.environment.items()]
        program = ["env", *variables, neovim.program] if variables else [neovim.program]
        arguments = ["--embed", "--headless", "--clean", "-u", str(init), str(file)]
        self._screen: _Screen | None = None
        self.nvim = pynvim.attach("child", argv=[*program, *arguments])

    def __enter__(self) -> Editor:
        self.until(self.is_mapped)
        self.nvim.command("messages clear")
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError, EOFError):  # it ends without an answer
            self.nvim.command("silent! qall!")
        self.nvim.close()

    def is_mapped(self) -> bool:
        """Whether the server has the file, so that the keys are there."""
        mapping = self.nvim.funcs.maparg("<Tab>", "i", False, True)
        return "Tabwright" in mapping.get("desc", "")

    def until(
        self, condition: Callable[[], Any], patience_seconds: float = PATIENCE_SECONDS
    ) -> Any:
        """Wait until a condition is true, and return its value."""
        deadline = time.monotonic() + patience_seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing came of it; {self.why_not()}")
            time.sleep(_POLL_SECONDS)
        return value

    def why_not(self) -> str:
        status = self.lua("return require('tabwright.server').status.message")
        return f"status: {status}; text: {self.text()!r}; messages: {self.messages()!r}"

    def lua(self, code: str) -> Any:
        return self.nvim.exec_lua(code)

    def type(self, keys: str) -> None:
        self.nvim.input(keys)

    def text(self) -> str:
        return "\n".join(self.nvim.current.buffer[:])

    def ghost(self) -> str | None:
        """Return the suggestion as it would be inserted."""
        found = self.lua("return require('tabwright').shown_text()")
        return None if found is None else str(found)

    def drawn(self) -> str | None:
        """Return the suggestion as the screen has it, whoever has drawn it."""
        marks = [
            mark
            for name in ("tabwright", "nvim.lsp.inline_completion")
            for mark in self._marks(name)
        ]
        if not marks:
            return None
        ((_id, _row, _column, details),) = marks
        lines = [details["virt_text"], *details.get("virt_lines", [])]
        return "\n".join("".join(chunk[0] for chunk in line) for line in lines)

    def _marks(self, namespace: str) -> list[Any]:
        space = self.nvim.api.create_namespace(namespace)
        return list(self.nvim.api.buf_get_extmarks(0, space, 0, -1, {"details": True}))

    def watch_screen(self) -> None:
        """Have Neovim draw, and forget what it has drawn so far."""
        if self._screen is None:
            self.nvim.ui_attach(80, 24, rgb=True, ext_linegrid=True)
            self._screen = _Screen()
        self.drawn_lines()

    def drawn_lines(self) -> set[str]:
        """Return the cursor's line in each state that the screen has shown, and forget them."""
        assert self._screen is not None, "watch_screen() comes first"
        self.lua(f"vim.cmd.redraw() vim.rpcnotify({self.nvim.channel_id}, 'enough')")
        found = set()
        while (message := self.nvim.next_message())[1] != "enough":
            for name, *calls in message[2]:
                for arguments in calls:
                    if name == "flush":
                        found.add(self._screen.cursor_line())
                    else:
                        self._screen.take(name, arguments)
        return found

    def sent(self, method: str) -> list[Any]:
        """Return what the server was told with this notification."""
        return [params for name, params in self.lua("return sent") if name == method]

    def moves(self) -> list[tuple[int, int]]:
        """Return the places that the server was told the cursor has moved to."""
        positions = [each["position"] for each in self.sent("tabwright/didMoveCursor")]
        return [(each["line"], each["character"]) for each in positions]

    def offset(self) -> int:
        """Return how many characters are before the cursor."""
        row, column = self.nvim.current.window.cursor
        lines = self.nvim.current.buffer[:row]
        before = lines[-1].encode()[:column].decode()
        return len("\n".join([*lines[:-1], before]))

    def messages(self) -> str:
        return str(self.nvim.command_output("messages"))

    def wait_for_model(self) -> None:
        self.until(lambda: self.model_process() is not None)
        self.until(lambda: "ready" in self.lua("return require('tabwright.server').status.message"))

    def server_status(self) -> dict[str, Any]:
        """Return the server's answer to `tabwright.showStatus`, empty while there is none."""
        answer = self.lua(
            "local server = require('tabwright.server')\n"
            "local client = server.client()\n"
            "return client and server.execute_now(client, 'tabwright.showStatus')"
        )
        return dict(answer or {})

    def model_process(self) -> int | None:
        found = self.server_status().get("modelProcess", {}).get("pid")
        return int(found) if found else None

    def wait_for_ghost(self) -> str:
        """Wait for a suggestion; type again what was typed last where none came."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return str(self.until(self.ghost, 3.0))
            except AssertionError:
                self.type("x<BS>")
        raise AssertionError(f"no suggestion came; {self.why_not()}")

    def wait_for_answer(self) -> None:
        """Wait until nothing that was asked is unanswered."""
        self.until(lambda: self.nvim.vars["answered"] == self.nvim.vars["asked"])

    def ask_by_hand(self) -> str:
        """Ask for a suggestion, and wait for it without touching a key."""
        asked = self.nvim.vars["asked"]
        self.type(r"<M-\>")
        self.until(lambda: self.nvim.vars["asked"] > asked)
        self.wait_for_answer()
        return str(self.until(self.ghost, 3.0))

    def accept(self) -> str:
        """Press Tab on the suggestion; return the text that must be there afterwards."""
        ghost = self.wait_for_ghost()
        before, offset = self.text(), self.offset()
        self.type("<Tab>")
        self.until(lambda: self.text() != before)
        return before[:offset] + ghost + before[offset:]


class _Screen:
    """What Neovim draws, as far as the cursor's line needs it (`:help ui-linegrid`)."""

    def __init__(self) -> None:
        self._rows: dict[int, list[str]] = {}
        self._cursor_row = 0

    def take(self, name: str, arguments: list[Any]) -> None:
        if name == "grid_cursor_goto":
            self._cursor_row = arguments[1]
        elif name == "grid_clear":
            self._rows = {}
        elif name == "grid_line":
            _grid, row, column, cells, *_ = arguments
            text = [cell[0] for cell in cells for _ in range(cell[2] if len(cell) > 2 else 1)]
            cells_before = self._rows.setdefault(row, [" "] * 80)
            cells_before[column : column + len(text)] = text
        elif name == "grid_scroll":
            _grid, top, bottom, _left, _right, count, _columns = arguments
            moved = {row - count: cells for row, cells in self._rows.items() if top <= row < bottom}
            self._rows.update({row: list(moved[row]) for row in moved if top <= row < bottom})

    def cursor_line(self) -> str:
        return "".join(self._rows.get(self._cursor_row, [])).rstrip()


def _lua(value: object) -> str:
    """Return JSON as a Lua expression, inside brackets that it cannot end."""
    return f"vim.json.decode([==[{json.dumps(value)}]==])"


def isolate(folder: Path, set_variable: Callable[[str, str], None]) -> None:
    """Keep Neovim's and the server's own files out of the user's, except for the weights."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TABWRIGHT_CONFIG_DIR"):
        place = folder / name.lower()
        place.mkdir()
        set_variable(name, str(place))
    set_variable("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
