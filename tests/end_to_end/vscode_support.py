"""A real VS Code in a real browser, driven key by key; the server's messages are written down."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from end_to_end import code_server
from tabwright.user_directories import data_directory

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_START_SECONDS = 120.0
_HERE = Path(__file__).parent
_LINES = ".part.editor .editor-instance .view-lines"
_FOLDERS = ".explorer-folders-view .monaco-list-row"
NOTIFICATION = ".notifications-toasts .notification-list-item-message"
STATUS = '.statusbar-item[id="tabwright.tabwright.status"]'

_SETTINGS = {
    # What makes a run the same each time.
    "security.workspace.trust.enabled": False,
    "workbench.startupEditor": "none",
    "telemetry.telemetryLevel": "off",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "update.mode": "none",
    "files.autoSave": "off",
    "chat.disableAIFeatures": True,
    "chat.commandCenter.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "git.openRepositoryInParentFolders": "never",
    # Words of the file would fill the suggest widget, which takes the Tab key. One test has it.
    "editor.wordBasedSuggestions": "off",
    # The machine may be busy, and a suggestion that comes late is one here too.
    "tabwright.timeLimitSeconds": 30,
}


class VSCode:
    """One VS Code for all tests: each opens a folder in a window of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        is_server_installed: bool = True,
        extensions: Sequence[Path] | None = None,
        server: Sequence[str] = (sys.executable, str(_HERE / "recording_server.py")),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start a VS Code.

        `server` stands for `tabwright`; where it is not installed, a `pipx` is there that does it.
        `extensions` are installed, ours alone unless they are named. `variables` are the
        environment's, above all others.
        """
        self.folder = folder
        self._tabwright = server
        self._entry = code_server.installed_code_server()
        browser = code_server.find_browser()
        self.package = code_server.packaged_extension()
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        self._extensions = folder / "extensions"
        self._user = folder / "user"
        self.reset_settings()
        environment = {**self._environment(is_server_installed), **(variables or {})}
        for extension in [self.package] if extensions is None else extensions:
            self._run(environment, "--install-extension", str(extension))
        self.port = _free_port()
        config = folder / "config.yaml"
        config.write_text(f"bind-addr: 127.0.0.1:{self.port}\nauth: none\ncert: false\n")
        self._log = (folder / "code-server.log").open("wb")
        self._server = subprocess.Popen(
            [*self._command(), "--config", str(config), "--disable-workspace-trust"],
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # The extension hosts outlive the windows: the whole group is ended.
            start_new_session=True,
        )
        self._driver = subprocess.Popen(
            [
                str(shutil.which("node")),
                str(_HERE / "browser.mjs"),
                str(code_server.EXTENSION / "node_modules" / "playwright-core"),
                browser,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        try:
            until(self._is_healthy, _START_SECONDS)
        except AssertionError:
            self.end()
            raise

    def reset_settings(self) -> None:
        """Have the user's settings as they are before each test."""
        place = self._user / "User" / "settings.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(_SETTINGS))

    def _environment(self, is_server_installed: bool) -> dict[str, str]:
        programs = self.folder / "bin"
        programs.mkdir()
        home = self.folder / "home"
        home.mkdir()
        tabwright = f'#!/bin/sh\nexec {shlex.join(self._tabwright)} "$@"\n'
        if is_server_installed:
            _write_program(programs / "tabwright", tabwright)
        else:
            _write_program(self.folder / "tabwright", tabwright)
            installs = f'mkdir -p ~/.local/bin; cp "{self.folder}/tabwright" ~/.local/bin/'
            _write_program(programs / "pipx", f'#!/bin/sh\necho "pipx $@"\n{installs}\n')
        others = [
            each
            for each in os.environ["PATH"].split(os.pathsep)
            if not (Path(each) / "tabwright").exists()
        ]
        path = os.pathsep.join([str(programs), *others])
        # VS Code takes the PATH that a login shell has.
        (home / ".bash_profile").write_text(f"export PATH='{path}'\n")
        return {
            **os.environ,
            "HOME": str(home),
            "SHELL": str(shutil.which("bash")),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "PATH": path,
            "TABWRIGHT_DATA_DIR": str(data_directory()),
            "TABWRIGHT_RECORDINGS": str(self.recordings),
        }

    def _command(self) -> list[str]:
        return [
            str(shutil.which("node")),
            str(self._entry),
            *("--user-data-dir", str(self._user)),
            *("--extensions-dir", str(self._extensions)),
            "--disable-telemetry",
            "--disable-update-check",
            "--disable-getting-started-override",
        ]

    def _run(self, environment: Mapping[str, str], *arguments: str) -> None:
        subprocess.run(
            [*self._command(), *arguments],
            env=environment,
            check=True,
            capture_output=True,
            timeout=_START_SECONDS,
        )

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def do(self, name: str, **parameters: Any) -> Any:
        """Have the browser do something, and return its answer."""
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps({"name": name, **parameters}) + "\n")
        self._driver.stdin.flush()
        answer = json.loads(self._driver.stdout.readline())
        assert "problem" not in answer, answer["problem"]
        return answer["value"]

    def processes(self) -> list[psutil.Process]:
        """Return every process below this VS Code."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._server.pid).children(recursive=True)
        return []

    def end(self) -> None:
        """End browser and VS Code, and whatever they have started."""
        assert self._driver.stdin is not None
        self._driver.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._driver.wait(20)
        self._driver.kill()
        left = self.processes()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(left, 10)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._server.wait(20)
        self._log.close()


class Window:
    """One window of VS Code with one folder, or with the folders of a workspace file."""

    def __init__(self, code: VSCode, place: Path, size: tuple[int, int] = (1000, 640)) -> None:
        self.code = code
        self.place = place
        self.file = place
        self._opened = time.time()
        is_workspace = place.suffix == ".code-workspace"
        query = urllib.parse.urlencode({"workspace" if is_workspace else "folder": str(place)})
        url = f"http://127.0.0.1:{code.port}/?{query}"
        code.do("open", url=url, width=size[0], height=size[1])
        if is_workspace:
            self._reload_until_it_has_folders()

    def _reload_until_it_has_folders(self) -> None:
        """Have VS Code show the folders of a workspace file, which it may lose the first time.

        In a browser it begins with the folders that it remembers of the file, which are none, and
        reads the file beside. Is that done before the window has its workspace, then the news of
        it goes to nobody, and the window stays without folders (1.100, `WorkspaceService`,
        `onWorkspaceConfigurationChanged` and `updateWorkspaceAndInitializeConfiguration`). What
        was read is remembered all the same: a reload begins with it.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError):
                until(lambda: self.code.do("count", selector=_FOLDERS) > 0, 10.0)
                return
            self._opened = time.time()
            self.code.do("reload")
        raise AssertionError(f"the window has no folders; {self.why_not()}")

    def close(self) -> None:
        self.code.do("close")

    # -- keys --

    def press(self, *keys: str) -> None:
        for key in keys:
            self.code.do("press", key=key)

    def type(self, text: str, delay_milliseconds: float = 15.0) -> None:
        self.code.do("type", text=text, delay=delay_milliseconds)

    def open(self, file: Path) -> None:
        """Show a file, and put the cursor into its text."""
        self.file = file
        row = f'.quick-input-list .monaco-list-row[aria-label^="{file.name}"]'
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.tab() != file.name:
            assert time.monotonic() < deadline, self.why_not()
            self.press("Escape", "Control+p")
            self.type(file.name)
            # A window that has just opened may not search yet: then it is asked once more.
            with contextlib.suppress(AssertionError):
                until(lambda: self.code.do("count", selector=row) > 0, 5.0)
                self.press("Enter")
                until(lambda: self.tab() == file.name, 10.0)
        if file.suffix != ".ipynb":
            self.focus()

    def focus(self) -> None:
        """Put the cursor into the text; a menu that closes late may take the focus away again."""
        focused = ".part.editor .monaco-editor.focused"
        for _ in range(10):
            until(lambda: self.code.do("count", selector=".quick-input-widget:visible") == 0)
            self.code.do("click", selector=_LINES, timeout=30_000)
            time.sleep(0.3)
            if self.code.do("count", selector=focused) > 0:
                return
        raise AssertionError(f"the text cannot be clicked; {self.why_not()}")

    def tab(self) -> str:
        found = self.code.do("texts", selector=".tab.active .label-name")
        return str(found[0]) if found else ""

    def focus_cell(self, index: int) -> None:
        """Put the cursor into a cell of the notebook that is open."""
        lines = f".notebook-editor .monaco-editor .view-lines >> nth={index}"
        self.code.do("click", selector=lines, timeout=30_000)

    def to_end(self) -> None:
        self.press("Control+End")

    def command(self, title: str) -> None:
        """Run a command as a person does, from the palette."""
        rows = ".quick-input-list .monaco-list-row.focused"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.press("F1")
            until(lambda: self.code.do("count", selector=".quick-input-widget:visible") > 0)
            self.type(title)
            # A window that has just opened does not list all yet: then it is asked once more.
            with contextlib.suppress(AssertionError):
                until(
                    lambda: any(title in each for each in self.code.do("texts", selector=rows)),
                    10.0,
                )
                break
            assert time.monotonic() < deadline, self.why_not()
            self.press("Escape")
        self.press("Enter")

    def choose(self, label: str) -> None:
        """Choose an entry of the menu that is open."""
        rows = ".quick-input-list .monaco-list-row"
        until(lambda: any(label in each for each in self.code.do("texts", selector=rows)))
        self.type(label)
        focused = ".quick-input-list .monaco-list-row.focused"
        until(lambda: any(label in each for each in self.code.do("texts", selector=focused)))
        self.press("Enter")

    def choose_file(self, file: Path) -> None:
        """Name a file in the dialog that is open, which in a browser is VS Code's own."""
        box = ".quick-input-widget .quick-input-box input"
        until(lambda: self.code.do("count", selector=f"{box}:visible") > 0)
        self.code.do("click", selector=box)
        self.press("Control+a")
        self.type(str(file))
        row = ".quick-input-list .monaco-list-row"
        self.until(lambda: any(file.name in each for each in self.code.do("texts", selector=row)))
        self.press("Enter")

    def menu(self) -> list[str]:
        """Click the item in the status bar, and return the labels of its menu."""
        self.code.do("click", selector=f"{STATUS} a")
        rows = ".quick-input-list .monaco-list-row .label-name"
        self.until(lambda: any("Log" in each for each in self.code.do("texts", selector=rows)))
        return [str(each).strip() for each in self.code.do("texts", selector=rows)]

    # -- what is there to see --

    def ghost(self) -> str:
        """Return the suggestion as the screen has it, empty when there is none."""
        return str(self.code.do("evaluate", code="readGhost()"))

    def text(self) -> str:
        """Return the lines of the editor that can be seen."""
        return "\n".join(self.code.do("texts", selector=f"{_LINES} .view-line"))

    def status_bar(self) -> list[str]:
        return list(self.code.do("texts", selector=".statusbar-item"))

    def notifications(self) -> list[str]:
        return list(self.code.do("texts", selector=NOTIFICATION))

    def status(self) -> str:
        """Return what the status bar's item says, its tooltip's text included."""
        found = self.code.do("labels", selector=f"{STATUS} > a")
        return str(found[0]) if found else ""

    def saved(self, file: Path | None = None) -> str:
        """Save the file, and return its text."""
        self.press("Control+s")
        until(lambda: self.code.do("count", selector=".tab.active.dirty") == 0)
        return (file or self.file).read_bytes().decode()

    def screenshot(self, path: Path, clip: Mapping[str, int] | None = None) -> None:
        self.code.do("screenshot", path=str(path), clip=clip)

    def keep_picture(self, name: str) -> None:
        """Make the extension's picture anew, if that is wanted; somebody has to look at it."""
        if os.environ.get("TABWRIGHT_KEEP_PICTURES"):
            self.code.do("resize", width=760, height=720)  # so high that a whole menu is seen
            time.sleep(2)  # until all is drawn, which nobody tells
            self.screenshot(code_server.EXTENSION / "images" / name)

    # -- what was said --

    def said(self, speaker: str, method: str | None = None) -> list[dict[str, Any]]:
        """Return the messages of one side: since the newest server of this window started."""
        return [
            each["message"]
            for each in self.conversation()
            if each["from"] == speaker and method in (None, each["message"].get("method"))
        ]

    def sent(self, method: str) -> list[Any]:
        """Return the parameters of what the server was told with this method."""
        return [each["params"] for each in self.said("editor", method)]

    def conversation(self) -> list[dict[str, Any]]:
        recording = self.recording()
        return [] if recording is None else _entries(recording)

    def recording(self) -> Path | None:
        """Return the file in which the newest server of this window is written down."""
        started = {
            path: entries[0]["at"]
            for path in self.code.recordings.glob("*.jsonl")
            if (entries := _entries(path))
        }
        ours = [path for path, at in started.items() if at >= self._opened]
        return max(ours, key=lambda path: started[path], default=None)

    def results(self, command: str) -> list[Any]:
        """Return what the server has answered to one of its commands."""
        asked = {
            each["id"]
            for each in self.said("editor", "workspace/executeCommand")
            if each["params"]["command"] == command
        }
        answers = self.said("server")
        return [each["result"] for each in answers if each.get("id") in asked and "result" in each]

    def by_hand(self) -> list[tuple[dict[str, Any], dict[str, Any], float]]:
        """Return the answered questions that somebody asked by hand."""
        return [
            each for each in self.exchanges() if each[0]["params"]["context"]["triggerKind"] == 1
        ]

    def ask_by_hand(self) -> str:
        """Ask for a suggestion, and wait for it without touching another key."""
        asked = len(self.by_hand())
        self.press("Alt+\\")
        self.until(lambda: len(self.by_hand()) > asked)
        first = str(self.by_hand()[-1][1]["result"]["items"][0]["insertText"]).replace("\r", "")
        self.until(lambda: self.ghost() == first)
        return first

    def exchanges(self) -> list[tuple[dict[str, Any], dict[str, Any], float]]:
        """Return the answered questions for a suggestion: question, answer, seconds between."""
        open_questions: dict[Any, dict[str, Any]] = {}
        found = []
        for each in self.conversation():
            message = each["message"]
            if message.get("method") == "textDocument/inlineCompletion":
                open_questions[message["id"]] = each
            elif each["from"] == "server" and message.get("id") in open_questions:
                question = open_questions.pop(message["id"])
                if "result" in message:
                    found.append((question["message"], message, each["at"] - question["at"]))
        return found

    # -- waiting --

    def until(self, condition: Callable[[], Any], patience: float = PATIENCE_SECONDS) -> Any:
        """Wait until a condition is true; say what is to be seen when it never is."""
        try:
            return until(condition, patience)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; {self.why_not()}") from None

    def why_not(self) -> str:
        last = [
            each["message"].get("method") or list(each["message"])
            for each in self.conversation()[-8:]
        ]
        picture = self.code.folder / f"failed-{time.time():.0f}.png"
        self.screenshot(picture)
        return (
            f"status: {self.status()!r}; ghost: {self.ghost()!r}; "
            f"notifications: {self.notifications()}; last messages: {last}; see {picture}"
        )

    def wait_for_model(self) -> None:
        """Wait until a model is ready to answer."""

        def is_ready() -> bool:
            said = self.said("server", "didChangeStatus")
            return any(
                each["params"]["kind"] == "Normal" and not each["params"]["busy"] for each in said
            )

        self.until(is_ready)

    def wait_for_ghost(self) -> str:
        """Wait for a suggestion; type again what was typed last where none came."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError):
                return str(until(self.ghost, 4.0))
            self.type("x")
            self.press("Backspace")
        raise AssertionError(f"no suggestion came; {self.why_not()}")

    def wait_for_steady_ghost(self) -> str:
        """Wait for a suggestion that stays as it is for a second."""
        while (ghost := self.wait_for_ghost()) and not self._stays(ghost):
            pass
        return ghost

    def _stays(self, ghost: str) -> bool:
        for _ in range(10):
            time.sleep(0.1)
            if self.ghost() != ghost:
                return False
        return True

    def model_processes(self) -> list[psutil.Process]:
        found = []
        for process in self.code.processes():
            with contextlib.suppress(psutil.Error):
                if any(re.search(r"tabwright\.model\.process", x) for x in process.cmdline()):
                    found.append(process)
        return found


def until(condition: Callable[[], Any], patience: float = PATIENCE_SECONDS) -> Any:
    """Wait until a condition is true, and return its value."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("nothing came of it")
        time.sleep(_POLL_SECONDS)
    return value


def _entries(recording: Path) -> list[dict[str, Any]]:
    """Return the messages of a recording that is still being written."""
    text = recording.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
