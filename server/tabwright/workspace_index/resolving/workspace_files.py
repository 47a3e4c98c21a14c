"""The files of a workspace, found by path, by the end of a path, and by folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

_REMEMBERED_LOOKUPS = 50_000
"""How many lookups by the end of a path are kept: imports repeat, and a lookup walks through all
files of one name."""


class WorkspaceFiles:
    """Paths, each relative to its workspace with forward slashes; the root is the empty folder.

    Every answer is sorted. Adding and removing a file costs the same in any size of workspace.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: set[str] = set()
        self._by_name: dict[str, list[str]] = {}
        self._by_folder: dict[str, list[str]] = {}
        self._folders_by_name: dict[str, list[str]] = {}
        self._files_ending: dict[str, tuple[str, ...]] = {}
        self._folders_ending: dict[str, tuple[str, ...]] = {}
        self._found: dict[tuple[str, ...], str | None] = {}
        for path in paths:
            self.add(path)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, path: str) -> None:
        """Note a file; one that is known already stays as it is."""
        if path in self._paths:
            return
        self._forget_lookups()
        self._paths.add(path)
        folder, _, name = path.rpartition("/")
        self._by_name.setdefault(name, []).append(path)
        inside = self._by_folder.get(folder)
        if inside is None:
            self._by_folder[folder] = [path]
            self._folders_by_name.setdefault(last_part(folder), []).append(folder)
        else:
            inside.append(path)

    def discard(self, path: str) -> None:
        """Forget a file; one that is not known changes nothing."""
        if path not in self._paths:
            return
        self._forget_lookups()
        self._paths.discard(path)
        folder, _, name = path.rpartition("/")
        _take_out(self._by_name, name, path)
        _take_out(self._by_folder, folder, path)
        if folder not in self._by_folder:
            _take_out(self._folders_by_name, last_part(folder), folder)

    def first(self, candidates: Iterable[str]) -> str | None:
        """Return the first candidate that is a file."""
        return next((path for path in candidates if path in self._paths), None)

    def named(self, name: str) -> tuple[str, ...]:
        """Return every file with a name, in whatever folder."""
        return tuple(sorted(self._by_name.get(name, ())))

    def inside(self, folder: str) -> tuple[str, ...]:
        """Return the files right inside a folder."""
        return tuple(sorted(self._by_folder.get(folder, ())))

    def has_folder(self, folder: str) -> bool:
        """Whether some file is right inside a folder."""
        return folder in self._by_folder

    def ending_with(self, path_end: str) -> tuple[str, ...]:
        """Return the files whose last names are those of `path_end` (`b/c.py` for `a/b/c.py`)."""
        found = self._files_ending.get(path_end)
        if found is None:
            same_name = self._by_name.get(last_part(path_end), ())
            found = self._files_ending[path_end] = _with_end(same_name, path_end)
        return found

    def folders_ending_with(self, path_end: str) -> tuple[str, ...]:
        """Return the folders with files right inside whose last names are those of `path_end`."""
        found = self._folders_ending.get(path_end)
        if found is None:
            same_name = self._folders_by_name.get(last_part(path_end), ())
            found = self._folders_ending[path_end] = _with_end(same_name, path_end)
        return found

    def remembered(self, question: tuple[str, ...], search: Callable[[], str | None]) -> str | None:
        """Return what `search` found when this was first asked, until a file comes or goes."""
        if question not in self._found:
            self._found[question] = search()
        return self._found[question]

    def limit_memory(self) -> None:
        """Forget the lookups when there are too many; to be called now and then."""
        count = len(self._files_ending) + len(self._folders_ending) + len(self._found)
        if count > _REMEMBERED_LOOKUPS:
            self._forget_lookups()

    def _forget_lookups(self) -> None:
        for lookups in (self._files_ending, self._folders_ending, self._found):
            lookups.clear()


def folder_of(path: str) -> str:
    """Return the folder a file or folder is in; that of the root is the root."""
    return path.rpartition("/")[0]


def last_part(path: str) -> str:
    """Return the last name of a path."""
    return path.rpartition("/")[2]


def joined(folder: str, name: str) -> str:
    """Return the path of something below a folder."""
    return f"{folder}/{name}" if folder and name else folder or name


def folders_up(folder: str) -> Iterator[str]:
    """Go through a folder and those around it, the root last."""
    while folder:
        yield folder
        folder = folder_of(folder)
    yield ""


def normalised(folder: str, written: str) -> str | None:
    """Return the path that `written`, with `.` and `..` in it, means seen from a folder; None
    when it leaves the workspace."""
    parts = folder.split("/") if folder else []
    for part in written.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def nearest(candidates: Iterable[str], path: str) -> list[str]:
    """Sort paths by how many of their first folders they share with `path`, most first, then by
    how deep they are, and by name."""
    here = path.split("/")[:-1]

    def distance(candidate: str) -> tuple[int, int, str]:
        there = candidate.split("/")
        shared = 0
        for mine, other in zip(here, there, strict=False):
            if mine != other:
                break
            shared += 1
        return -shared, len(there), candidate

    return sorted(candidates, key=distance)


def _with_end(paths: Iterable[str], path_end: str) -> tuple[str, ...]:
    inner = "/" + path_end
    return tuple(sorted(path for path in paths if path == path_end or path.endswith(inner)))


def _take_out(lists: dict[str, list[str]], key: str, value: str) -> None:
    values = lists.get(key)
    if values is None:
        return
    if value in values:
        values.remove(value)
    if not values:
        del lists[key]
