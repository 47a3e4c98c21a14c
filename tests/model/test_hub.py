"""Fetching from a model hub, against a real HTTP server on this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.hub_server import COMMIT, ScriptedHub, gguf_bytes, running
from tabwright.errors import TabwrightError, WeightsDamaged, WeightsUnavailable
from tabwright.model import incoming_file
from tabwright.model.hub import fetch_hub_file
from tabwright.model.manifest import HubSource

WEIGHTS = gguf_bytes(3_000_000)
SOURCE = HubSource(repository="someone/some-model", file_pattern="*Q8_0.gguf")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHub]:
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    files = {"model.q8_0.gguf": WEIGHTS, "model.Q4_K_M.gguf": b"other", "README.md": b"#"}
    with running(ScriptedHub(files=files)) as scripted:
        monkeypatch.setenv("HF_ENDPOINT", scripted.address + "/")
        yield scripted


class Waits(list[float]):
    """Stands in for time.sleep and remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def fetch(folder: Path, source: HubSource = SOURCE) -> Path:
    path, _, _ = fetch_hub_file(source, folder, lambda *_: None, sleep=Waits())
    return path


def check_failure(folder: Path, kind: type[TabwrightError], *words: str) -> None:
    """The fetch fails with one sentence holding the words, and leaves nothing that looks whole."""
    with pytest.raises(kind) as failure:
        fetch(folder)
    for word in words:
        assert word in str(failure.value)
    assert "\n" not in str(failure.value)
    assert not list(folder.glob("*.gguf"))


def test_a_file_is_fetched_checked_and_named_with_its_commit(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []
    path, origin, sha256 = fetch_hub_file(SOURCE, tmp_path, lambda *step: seen.append(step))
    assert path.read_bytes() == WEIGHTS
    assert origin == f"someone/some-model@{COMMIT}/model.q8_0.gguf"
    assert len(sha256) == 64
    assert ("downloading", len(WEIGHTS), len(WEIGHTS)) in seen
    assert [file.name for file in tmp_path.iterdir()] == ["model.q8_0.gguf"]
    assert hub.requests[0][0] == "/api/models/someone/some-model/revision/main?blobs=true"
    assert f"/resolve/{COMMIT}/" in hub.requests[1][0]


def test_a_cut_connection_resumes_where_it_stopped(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.cut_after = [2_000_000]
    assert fetch(tmp_path).read_bytes() == WEIGHTS
    first, second = hub.file_requests()
    assert "range" not in first
    assert int(second["range"].removeprefix("bytes=").removesuffix("-")) > 0
    assert second["if-range"] == '"first"'


def test_a_later_call_resumes_what_an_earlier_one_left(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.cut_after = [1_500_000, *[0] * 20]
    with pytest.raises(WeightsUnavailable, match="cannot be reached"):
        fetch(tmp_path)
    assert not list(tmp_path.glob("*.gguf"))
    hub.cut_after = []
    assert fetch(tmp_path).read_bytes() == WEIGHTS
    assert "range" in hub.file_requests()[-1]
    assert [file.name for file in tmp_path.iterdir()] == ["model.q8_0.gguf"]


def test_a_server_without_ranges_starts_again_cleanly(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.cut_after = [1_500_000]
    hub.knows_ranges = False
    assert fetch(tmp_path).read_bytes() == WEIGHTS
    assert len(hub.file_requests()) == 2


def test_a_file_that_changed_meanwhile_is_not_glued_together(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    hub.cut_after = [1_500_000, *[0] * 20]
    with pytest.raises(WeightsUnavailable):
        fetch(tmp_path)
    hub.cut_after = []
    hub.etag = '"second"'
    hub.files["model.q8_0.gguf"] = changed = gguf_bytes(2_500_000)
    assert fetch(tmp_path).read_bytes() == changed
    assert "range" not in hub.file_requests()[-1]


def test_an_entity_tag_that_changed_alone_starts_again_cleanly(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    hub.cut_after = [1_500_000, *[0] * 20]
    with pytest.raises(WeightsUnavailable):
        fetch(tmp_path)
    hub.cut_after = []
    hub.etag = '"another server of the same hub"'
    assert fetch(tmp_path).read_bytes() == WEIGHTS


def test_passing_failures_are_tried_again_with_growing_waits(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    hub.statuses = [503, 429, 500]
    waits = Waits()
    path, _, _ = fetch_hub_file(SOURCE, tmp_path, lambda *_: None, sleep=waits)
    assert path.read_bytes() == WEIGHTS
    assert waits == [1.0, 2.0, 4.0]


def test_a_wrong_hash_deletes_what_came(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.listed_sha256 = "0" * 64
    check_failure(tmp_path, WeightsDamaged, "another SHA-256", "deleted")
    assert not list(tmp_path.iterdir())


def test_a_pinned_hash_that_the_hub_no_longer_has_is_refused(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    source = HubSource(repository="a/b", file_pattern="*q8_0.gguf", sha256="1" * 64)
    with pytest.raises(WeightsUnavailable, match="now has another"):
        fetch(tmp_path, source)


@pytest.mark.parametrize("listed", [len(WEIGHTS) + 1000, len(WEIGHTS) - 1000])
def test_a_wrong_size_deletes_what_came(hub: ScriptedHub, tmp_path: Path, listed: int) -> None:
    hub.listed_size = listed
    check_failure(tmp_path, WeightsDamaged, "bytes instead of", "deleted")
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_at_its_source_is_damaged(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.files["model.q8_0.gguf"] = WEIGHTS[:-500_000]
    check_failure(tmp_path, WeightsDamaged, "cut short")
    assert not list(tmp_path.iterdir())


def test_something_else_than_a_gguf_file_is_damaged(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.files["model.q8_0.gguf"] = b"<html>please log in</html>"
    check_failure(tmp_path, WeightsDamaged, "not a GGUF file")


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_to_accept_the_licence(
    hub: ScriptedHub, tmp_path: Path, status: int
) -> None:
    hub.statuses = [status]
    check_failure(tmp_path, WeightsUnavailable, "accept its licence", "HF_TOKEN")


def test_an_unknown_repository_is_named(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.statuses = [404]
    check_failure(tmp_path, WeightsUnavailable, "has no someone/some-model", "weights.source")


def test_no_or_several_matching_files_list_what_is_there(hub: ScriptedHub, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"no file matches .*model\.Q4_K_M\.gguf"):
        fetch(tmp_path, HubSource(repository="a/b", file_pattern="*F16.gguf"))
    with pytest.raises(WeightsUnavailable, match="2 files match"):
        fetch(tmp_path, HubSource(repository="a/b", file_pattern="*.gguf"))


def test_an_endpoint_that_is_no_hub_is_named(hub: ScriptedHub, tmp_path: Path) -> None:
    hub.listing = lambda: b"<html>"  # type: ignore[method-assign]
    check_failure(tmp_path, WeightsUnavailable, "is HF_ENDPOINT right?")


def test_a_nonsensical_endpoint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    check_failure(tmp_path, WeightsUnavailable, "HF_ENDPOINT")


def test_a_nonsensical_proxy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "carrier-pigeon://roof")
    check_failure(tmp_path, WeightsUnavailable, "proxy", "carrier-pigeon")


def test_an_unreachable_hub_is_given_up_after_some_tries(
    hub: ScriptedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://user:secret@127.0.0.1:9")
    with pytest.raises(WeightsUnavailable, match="cannot be reached") as failure:
        fetch(tmp_path)
    assert "secret" not in str(failure.value)


def test_the_token_goes_to_the_hub_but_not_along_a_redirect(
    hub: ScriptedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with running(ScriptedHub(files=hub.files)) as storage:
        # Another name of this machine: to a client, another host.
        hub.redirect_to = storage.address.replace("127.0.0.1", "localhost")
        assert fetch(tmp_path).read_bytes() == WEIGHTS
        assert all(headers["authorization"] == "Bearer hf_secret" for _, headers in hub.requests)
        assert storage.requests
        assert all("authorization" not in headers for _, headers in storage.requests)


def test_a_resume_through_a_redirect_keeps_the_token_at_home(
    hub: ScriptedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with running(ScriptedHub(files=hub.files, cut_after=[1_500_000])) as storage:
        hub.redirect_to = storage.address
        assert fetch(tmp_path).read_bytes() == WEIGHTS
        assert "range" in storage.requests[-1][1]
        assert all("authorization" not in headers for _, headers in storage.requests)


def test_a_full_disk_leaves_nothing(
    hub: ScriptedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [1_000_000]

    def write_until_full(handle: int, piece: bytes) -> None:
        room[0] -= len(piece)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.write(handle, piece)

    monkeypatch.setattr(incoming_file, "_write_whole", write_until_full)
    check_failure(tmp_path, WeightsUnavailable, "The disk is full", "TABWRIGHT_DATA_DIR")
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_really_refuses_a_byte_is_explained(tmp_path: Path) -> None:
    partial = tmp_path / "model.gguf.partial"
    partial.symlink_to("/dev/full")
    with pytest.raises(WeightsUnavailable, match="The disk is full"):
        incoming_file.write_pieces(
            [b"GGUF"],
            partial,
            start=0,
            total=4,
            phase="downloading",
            on_progress=lambda *_: None,
        )
    assert not partial.is_symlink()


def test_too_little_room_is_said_before_anything_is_fetched(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    hub.listed_size = 10**18
    check_failure(tmp_path, WeightsUnavailable, "free some space")
    assert not hub.file_requests()


def test_an_interruption_leaves_no_weights_and_can_be_resumed(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    def interrupt(phase: str, done: int, _total: int) -> None:
        if phase == "downloading" and done > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_hub_file(SOURCE, tmp_path, interrupt)
    assert not list(tmp_path.glob("*.gguf"))
    assert fetch(tmp_path).read_bytes() == WEIGHTS
    assert "range" in hub.file_requests()[-1]
