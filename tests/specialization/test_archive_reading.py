"""What archives may hold: traps give nothing or one sentence, and never touch the disk."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from specialization.package_index import deb_bytes, files_tar, tar_bytes, wheel_bytes
from tabwright.errors import CorpusError
from tabwright.specialization import archive_reading
from tabwright.specialization.archive_reading import Member, read_members


def read(folder: Path, name: str, content: bytes) -> list[Member]:
    path = folder / name
    path.write_bytes(content)
    return list(read_members(path, lambda _path: True))


def paths(members: list[Member]) -> list[str]:
    return [member.path for member in members]


def tar_info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("compression", ["gz", "xz"])
def test_the_files_of_a_tar_come_with_their_contents(tmp_path: Path, compression: str) -> None:
    content = files_tar({"a/one.py": "one\n", "a/two.py": ""}, compression)
    members = read(tmp_path, f"a.tar.{compression}", content)
    assert members == [Member("a/one.py", 4, b"one\n"), Member("a/two.py", 0, b"")]


def test_the_files_of_a_wheel_come_with_their_contents(tmp_path: Path) -> None:
    members = read(tmp_path, "a-1.0-py3-none-any.whl", wheel_bytes("a", {"a/x.py": "x = 1\n"}))
    assert members[0] == Member("a/x.py", 6, b"x = 1\n")
    assert len(members) == 4


def test_the_data_of_a_debian_package_come_with_their_contents(tmp_path: Path) -> None:
    members = read(tmp_path, "a_1_all.deb", deb_bytes({"usr/share/gocode/a.go": "package a\n"}))
    assert members == [Member("usr/share/gocode/a.go", 10, b"package a\n")]


def test_what_nobody_wants_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(files_tar({"a.py": "a", "b.c": "b"}))
    assert paths(list(read_members(path, lambda name: name.endswith(".c")))) == ["b.c"]


@pytest.mark.parametrize(
    "name", ["../a.py", "a/../../b.py", "/etc/passwd", "C:/a.py", "a\\..\\b.py", "a/\x1bb.py", ".."]
)
def test_a_path_that_leads_elsewhere_is_left_out(tmp_path: Path, name: str) -> None:
    tar = tar_bytes([(tar_info(name), b"x"), (tar_info("good.py"), b"x")])
    assert paths(read(tmp_path, "a.tgz", tar)) == ["good.py"]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo(name), "x")
        wheel.writestr("good.py", "x")
    assert paths(read(tmp_path, "a.whl", made.getvalue())) == ["good.py"]


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    tar = tar_bytes(
        [
            (tar_info("link.py", tarfile.SYMTYPE, "/etc/passwd"), b""),
            (tar_info("hard.py", tarfile.LNKTYPE, "good.py"), b""),
            (tar_info("device.py", tarfile.CHRTYPE), b""),
            (tar_info("fifo.py", tarfile.FIFOTYPE), b""),
            (tar_info("good.py"), b"x"),
        ]
    )
    assert paths(read(tmp_path, "a.tgz", tar)) == ["good.py"]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as wheel:
        link = zipfile.ZipInfo("link.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        wheel.writestr(link, "/etc/passwd")
    assert read(tmp_path, "a.whl", made.getvalue()) == []


def test_of_a_huge_file_only_the_size_is_told(tmp_path: Path) -> None:
    size = archive_reading.LARGEST_MEMBER_BYTES + 1
    wheel = wheel_bytes("a", {"a.py": b"#" * size})
    assert read(tmp_path, "a.whl", wheel)[0] == Member("a.py", size, None)
    tar = tar_bytes([(tar_info("a.py"), b"#" * size)])
    assert read(tmp_path, "a.tgz", tar) == [Member("a.py", size, None)]


def test_a_tar_that_unpacks_to_too_much_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_reading, "LARGEST_UNPACKED_BYTES", 100_000)
    bomb = gzip.compress(b"\0" * 512 + b"\0" * 10_000_000)
    small = files_tar({"a.py": "x"})
    header = gzip.decompress(tar_bytes([(tar_info("big.py"), b"\0" * 5_000_000)]))
    assert len(gzip.compress(header)) < 10_000
    with pytest.raises(CorpusError, match="unpacks to more than a package holds"):
        read(tmp_path, "a.tgz", gzip.compress(header) + bomb)
    assert paths(read(tmp_path, "small.tgz", small)) == ["a.py"]


def test_a_wheel_whose_files_are_too_much_together_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_reading, "LARGEST_UNPACKED_BYTES", 100_000)
    wheel = wheel_bytes("a", {f"{number}.py": b"\0" * 50_000 for number in range(3)})
    with pytest.raises(CorpusError, match="unpacks to more"):
        read(tmp_path, "a.whl", wheel)


def test_a_wheel_that_understates_a_size_is_not_read(tmp_path: Path) -> None:
    size = archive_reading.LARGEST_MEMBER_BYTES + 2
    wheel = wheel_bytes("a", {"a.py": b"#" * size})
    with pytest.raises(CorpusError):
        read(tmp_path, "a.whl", wheel.replace(size.to_bytes(4, "little"), b"\x10\0\0\0"))


def test_too_many_members_end_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_reading, "MOST_MEMBERS", 3)
    with pytest.raises(CorpusError, match="unpacks to more"):
        read(tmp_path, "a.tgz", files_tar({f"{number}": "" for number in range(4)}))
    with pytest.raises(CorpusError, match="unpacks to more"):
        read(tmp_path, "a.whl", wheel_bytes("a", {"x.py": ""}))


@pytest.mark.parametrize("name", ["a.whl", "a.tgz", "a.tar.xz", "a.deb", "a.tar.bz2", "a.unknown"])
@pytest.mark.parametrize("content", [b"", b"no archive at all", b"!<arch>\n" + b"x" * 60])
def test_a_damaged_archive_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"^a\.\S+ is damaged: .*Delete") as caught:
        read(tmp_path, name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.tgz", "a.tar.xz", "a.whl", "a.deb"])
def test_an_archive_that_was_cut_off_is_one_sentence(tmp_path: Path, name: str) -> None:
    text = "".join(f"{number * 7919}\n" for number in range(3_000))
    whole = {
        "a.tgz": files_tar({"a": text}),
        "a.tar.xz": files_tar({"a": text}, "xz"),
        "a.whl": wheel_bytes("a", {"a.py": text}),
        "a.deb": deb_bytes({"a": text}),
    }[name]
    with pytest.raises(CorpusError, match="is damaged"):
        read(tmp_path, name, whole[: len(whole) // 2])
