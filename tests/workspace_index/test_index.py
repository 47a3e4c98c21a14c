"""A workspace's index from files on disk to answers, and what happens when they change."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.database import database_file
from tabwright.workspace_index.facts import FileFacts
from tabwright.workspace_index.index import WorkspaceIndex, fingerprint_of
from workspace_index.workspaces import opened, places, write

SHOP = {
    "shop/basket.py": '''\
class Basket:
    """What somebody buys."""

    def add_item(self, item):
        self.items.append(item)

    def total_price(self):
        return sum(item.price for item in self.items)
''',
    "shop/checkout.py": """\
from shop.basket import Basket


def pay_for(basket: Basket):
    return basket.total_price()
""",
    "web/app.js": "export function renderBasket(basket) { return basket.totalPrice(); }\n",
    ".gitignore": "ignored.py\n",
    "ignored.py": "def never_seen(): pass\n",
    ".env": "SECRET=never_seen\n",
    "node_modules/x/index.js": "function never_seen() {}\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path / "shop_folder", SHOP)


def indexed(folder: Path) -> WorkspaceIndex:
    index = opened(folder)
    index.update()
    return index


def test_definitions_are_found_by_name(shop: Path) -> None:
    index = indexed(shop)
    assert places(index.definitions_of(["pay_for", "Basket", "nobody"], 5)) == [
        ("shop/checkout.py", "pay_for"),
        ("shop/basket.py", "Basket"),
    ]
    (found,) = index.definitions_of(["total_price"], 5)
    assert found.definition.parent == "Basket"
    assert found.definition.signature == "def total_price(self):"


def test_members_of_a_class_come_in_order(shop: Path) -> None:
    index = indexed(shop)
    expected = [("shop/basket.py", "add_item"), ("shop/basket.py", "total_price")]
    assert [each for each in places(index.members_of("Basket")) if each[1] != "items"] == expected
    inside = places(index.members_of("Basket", "shop/basket.py"))
    assert inside == places(index.members_of("Basket"))
    assert not index.members_of("Basket", "shop/checkout.py")


def test_ignored_secret_and_foreign_files_are_not_known(shop: Path) -> None:
    index = indexed(shop)
    assert index.paths() == ["shop/basket.py", "shop/checkout.py", "web/app.js"]
    assert not index.knows_name("never_seen")
    assert not index.search(["never_seen"], 5)
    assert not index.is_wanted(".env")
    assert not index.is_wanted("ignored.py")
    assert index.is_wanted("shop/new.py")


def test_search_finds_parts_of_identifiers_in_any_case(shop: Path) -> None:
    index = indexed(shop)
    found = index.search(["totalPrice"], 5)
    assert {each.path for each in found} == {"shop/basket.py", "shop/checkout.py", "web/app.js"}
    assert index.search(["add item append"], 1)[0].path == "shop/basket.py"
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert not index.search([], 5)
    assert not index.search(["total"], 0)


def test_a_found_chunk_is_a_piece_of_the_text(shop: Path) -> None:
    index = indexed(shop)
    (found,) = index.search(["renderBasket"], 1)
    text = index.text_of(found.path)
    assert text is not None
    assert "renderBasket" in text[found.start : found.end]


def test_full_text_search_is_made_when_it_is_wanted(shop: Path) -> None:
    index = opened(shop, full_text=False)
    assert index.update().parsed == 3
    assert index.definitions_of(["pay_for"], 1)
    assert index.knows_name("price")
    assert index.search(["totalPrice"], 5) == []
    assert not index.state().has_full_text
    assert index.update().read == 0
    before = index.facts_of("shop/basket.py")

    assert index.want_full_text()
    assert not index.want_full_text()
    assert index.update().parsed == 3
    assert index.state().has_full_text
    found = index.search(["totalPrice"], 5)
    assert {each.path for each in found} == {"shop/basket.py", "shop/checkout.py", "web/app.js"}
    after = index.facts_of("shop/basket.py")
    assert before is not None
    assert after is not None
    assert (before.chunks, before.definitions) == ((), after.definitions)
    assert after.chunks
    assert places(index.definitions_of(["pay_for"], 5)) == [("shop/checkout.py", "pay_for")]
    assert index.update().read == 0


def test_an_index_whose_full_text_came_later_is_as_one_that_had_it_at_once(
    shop: Path, tmp_path: Path
) -> None:
    later = opened(shop, full_text=False)
    later.update()
    write(shop, {"shop/gift.py": "def wrap_basket(basket): ...\n"})
    later.want_full_text()
    later.note_changes(["shop/gift.py"])  # of other chunks than the files before it have
    later.update()
    at_once = opened(shop, directory=tmp_path / "others")
    at_once.update()
    for words in (["totalPrice"], ["add item append"], ["renderBasket"], ["wrap"]):
        assert later.search(words, 5) == at_once.search(words, 5) != []
    later.close()
    assert opened(shop, full_text=False).search(["totalPrice"], 5) == at_once.search(
        ["totalPrice"], 5
    )


def test_full_text_search_that_was_wanted_once_stays_wanted(shop: Path) -> None:
    indexed(shop).close()
    index = opened(shop, full_text=False)
    write(shop, {"shop/checkout.py": "def pay_later(): pass\n"})
    index.update()
    assert index.search(["later"], 1)[0].path == "shop/checkout.py"
    index.rebuild()
    assert index.search(["later"], 1)[0].path == "shop/checkout.py"


def test_what_comes_back_gets_full_text_when_that_is_wanted_now(shop: Path) -> None:
    index = opened(shop, full_text=False)
    index.update()
    write(shop, {"shop/basket.py": "def other_branch(): pass\n"})
    index.want_full_text()
    index.update()
    assert index.search(["append"], 1) == []
    write(shop, {"shop/basket.py": SHOP["shop/basket.py"]})
    index.note_changes(["shop/basket.py"])
    assert index.search(["append"], 1)[0].path == "shop/basket.py"


def test_names_that_are_used_are_known(shop: Path) -> None:
    index = indexed(shop)
    assert index.knows_name("price")
    assert index.knows_name("Basket")
    assert not index.knows_name("basket_of_fruit")


def test_a_second_start_reads_nothing(shop: Path) -> None:
    indexed(shop).close()
    index = opened(shop)
    assert places(index.definitions_of(["pay_for"], 1)) == [("shop/checkout.py", "pay_for")]
    updated = index.update()
    assert (updated.files, updated.read, updated.parsed) == (3, 0, 0)


def test_a_touched_file_is_read_but_not_parsed(shop: Path) -> None:
    index = indexed(shop)
    os.utime(shop / "shop/basket.py", ns=(1, 1))
    updated = index.update()
    assert (updated.read, updated.parsed) == (1, 0)
    assert index.update().read == 0


def test_what_was_there_before_is_known_when_it_comes_back(shop: Path) -> None:
    index = indexed(shop)
    write(shop, {"shop/basket.py": "def other_branch(): pass\n"})
    assert index.update().parsed == 1
    assert not index.definitions_of(["Basket"], 1)
    write(shop, {"shop/basket.py": SHOP["shop/basket.py"]})
    updated = index.update()
    assert (updated.read, updated.parsed) == (1, 0)
    assert index.definitions_of(["Basket"], 1)
    assert not index.definitions_of(["other_branch"], 1)


def test_a_saved_file_is_seen(shop: Path) -> None:
    index = indexed(shop)
    write(shop, {"shop/checkout.py": "def pay_later(): pass\n"})
    assert index.note_changes(["shop/checkout.py"]) == ()
    assert index.definitions_of(["pay_later"], 1)
    assert not index.definitions_of(["pay_for"], 1)
    assert index.search(["pay_later"], 1)[0].path == "shop/checkout.py"
    assert index.facts_of("shop/checkout.py") is not None


def test_files_and_folders_that_go_are_forgotten(shop: Path) -> None:
    index = indexed(shop)
    (shop / "web/app.js").unlink()
    index.note_changes(["web/app.js"])
    assert index.paths() == ["shop/basket.py", "shop/checkout.py"]
    (shop / "shop").rename(shop / "store")
    index.note_changes(["shop", "store"])
    assert index.paths() == ["store/basket.py", "store/checkout.py"]
    assert places(index.definitions_of(["pay_for"], 9)) == [("store/checkout.py", "pay_for")]
    assert index.facts_of("shop/basket.py") is None
    assert index.text_of("shop/basket.py") is None


def test_a_changed_ignore_file_counts_at_once(shop: Path) -> None:
    index = indexed(shop)
    write(shop, {".gitignore": "web/\n"})
    index.note_changes([".gitignore"])
    assert index.paths() == ["ignored.py", "shop/basket.py", "shop/checkout.py"]


def test_changes_of_ignored_files_mean_nothing(shop: Path) -> None:
    index = indexed(shop)
    version = index.version
    index.note_changes(["ignored.py", ".env", "node_modules/x/index.js", "../outside.py", "/a.py"])
    assert index.version == version


def test_two_files_with_the_same_content_are_two_places(shop: Path) -> None:
    write(shop, {"copy/basket.py": SHOP["shop/basket.py"]})
    index = indexed(shop)
    both = [("copy/basket.py", "Basket"), ("shop/basket.py", "Basket")]
    assert places(index.definitions_of(["Basket"], 9)) == both
    (shop / "copy/basket.py").unlink()
    index.note_changes(["copy/basket.py"])
    assert places(index.definitions_of(["Basket"], 9)) == both[1:]


def test_no_more_definitions_than_asked_for_come_for_each_name(tmp_path: Path) -> None:
    same = {f"{letter}.py": f"def run(): return '{letter}'\n" for letter in "abcdef"}
    index = indexed(write(tmp_path / "w", same))
    assert [path for path, _ in places(index.definitions_of(["run"], 2))] == ["a.py", "b.py"]


def test_a_text_that_changed_since_is_not_given(shop: Path) -> None:
    index = indexed(shop)
    assert index.text_of("shop/basket.py") == SHOP["shop/basket.py"]
    write(shop, {"web/app.js": "let changed = 1;\n"})
    assert index.text_of("web/app.js") is None


def test_broken_empty_and_strange_files_do_no_harm(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "w",
        {
            "empty.py": "",
            "binary.py": b"\0\1\2" * 100,
            "latin.py": "def caf\xe9(): pass\n".encode("latin-1"),
            "bom.py": b"\xef\xbb\xbfdef with_mark(): pass\n",
            "crlf.py": "def one():\r\n    pass\r\n",
            "deep.py": "(" * 50_000,
            "huge.py": "x = 1\n" * 400_000,
            "minified.js": "var a=1;" * 3_000,
            "emoji.py": "def smile(): return '\U0001f600'\n",
            "broken.py": "def half(:\n  class\n",
            "a b/with space.py": "def spaced(): pass\n",
        },
    )
    (folder / "link.py").symlink_to(folder / "crlf.py")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.py")
    index = indexed(folder)
    for name in ("with_mark", "one", "smile", "spaced"):
        assert len(index.definitions_of([name], 5)) == 1, name
    assert not set(index.paths()) & {"binary.py", "huge.py", "minified.js", "link.py", "pipe.py"}
    assert index.state().problems == ()


def test_importers_are_those_whose_imports_resolve_to_a_file(shop: Path) -> None:
    def resolve(_path: str, facts: FileFacts) -> list[str]:
        return [each.module.replace(".", "/") + ".py" for each in facts.imports]

    index = opened(shop, resolve=resolve)
    index.update()
    assert index.imported_by("shop/checkout.py") == ("shop/basket.py",)
    assert index.importers_of("shop/basket.py") == ("shop/checkout.py",)
    assert index.importers_of("shop/checkout.py") == ()
    write(shop, {"shop/checkout.py": "pass\n"})
    index.note_changes(["shop/checkout.py"])
    assert index.importers_of("shop/basket.py") == ()


def test_importers_that_use_a_name_are_the_nearest_ones(tmp_path: Path) -> None:
    def resolve(_path: str, facts: FileFacts) -> list[str]:
        return [each.module.replace(".", "/") + ".py" for each in facts.imports]

    files = {"shop/core/basket.py": "def fill(): pass\ndef empty(): pass\n"}
    for place in ("shop/core/z", "shop/b", "other/a", "other/c"):
        files[f"{place}.py"] = "import os\nimport shop.core.basket\nshop.core.basket.fill()\n"
    files["shop/core/unused.py"] = "import shop.core.basket\n"
    files["shop/core/stranger.py"] = "fill()\n"
    index = opened(write(tmp_path / "shop_folder", files), resolve=resolve)
    index.update()
    basket = "shop/core/basket.py"
    assert index.importers_of(basket, ["fill", "empty"]) == (
        *("other/a.py", "other/c.py"),
        *("shop/b.py", "shop/core/z.py"),
    )
    assert index.importers_of(basket, ["empty"]) == ()
    assert index.importers_of(basket, ["fill"], 2) == ("shop/b.py", "shop/core/z.py")
    without = frozenset({"shop/core/z.py"})
    assert index.importers_of(basket, ["fill"], 2, without=without) == ("other/a.py", "shop/b.py")
    assert len(index.importers_of(basket, limit=1)) == 1


def test_what_a_file_defines_is_known_in_order(shop: Path) -> None:
    index = indexed(shop)
    names = [each.name for each in index.definitions_in("shop/basket.py")]
    assert names == ["Basket", "add_item", "total_price"]
    facts = index.facts_of("shop/basket.py")
    assert facts is not None
    assert index.definitions_in("shop/basket.py") == facts.definitions
    assert index.definitions_in("nothing.py") == ()


def test_definitions_that_cannot_be_decoded_are_none_and_said(shop: Path) -> None:
    indexed(shop).close()
    with sqlite3.connect(database_file(shop, shop.parent / "indexes")) as connection:
        connection.execute("UPDATE contents SET definitions = ?", (b"\x91\x91\x01",))
    index = opened(shop)
    assert index.definitions_of(["Basket"], 5) == []
    assert index.definitions_in("shop/basket.py") == ()
    assert any("damaged" in each for each in index.problems)


def test_a_damaged_index_is_made_anew_and_says_so(shop: Path) -> None:
    indexed(shop).close()
    file = database_file(shop, shop.parent / "indexes")
    file.write_bytes(b"this is no database, but long enough to look like one" * 100)
    index = indexed(shop)
    assert index.definitions_of(["Basket"], 1)
    (problem,) = index.problems
    assert "damaged" in problem


def test_an_index_cut_off_in_the_middle_is_made_anew(tmp_path: Path) -> None:
    many = {f"m{n}.py": f"def function_{n}():\n    return {n}\n" * 40 for n in range(40)}
    folder = write(tmp_path / "w", many)
    indexed(folder).close()
    file = database_file(folder, tmp_path / "indexes")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    index = indexed(folder)
    for number in range(40):  # whatever is broken is found by asking
        index.definitions_of([f"function_{number}"], 1)
        index.facts_of(f"m{number}.py")
    index.update()
    assert len(index.paths()) == 40
    assert index.definitions_of(["function_7"], 1)


def test_an_index_of_another_version_is_made_anew(shop: Path) -> None:
    indexed(shop).close()
    file = database_file(shop, shop.parent / "indexes")
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version=9999")
    connection.close()
    index = opened(shop)
    assert index.paths() == []
    assert index.update().parsed == 3
    assert index.problems == ()


def test_an_index_that_cannot_be_kept_is_there_for_this_time(shop: Path) -> None:
    in_the_way = shop.parent / "a_file"
    in_the_way.write_text("")
    index = opened(shop, directory=in_the_way / "indexes")
    index.update()
    assert index.definitions_of(["Basket"], 1)
    (problem,) = index.problems
    assert "cannot be kept" in problem
    index.close()


def test_a_second_process_reads_what_the_first_writes(shop: Path) -> None:
    first = indexed(shop)
    second = opened(shop)
    assert not second.state().is_leading
    assert second.definitions_of(["Basket"], 1)
    write(shop, {"shop/new.py": "def brand_new(): pass\n"})
    first.note_changes(["shop/new.py"])
    second.note_changes(["shop/new.py"])
    assert second.definitions_of(["brand_new"], 1)
    first.close()
    second.update()
    assert second.state().is_leading


def test_the_folder_may_vanish(shop: Path) -> None:
    index = indexed(shop)
    shop.rename(shop.parent / "elsewhere")
    assert index.update().files == 0
    index.note_changes(["."])
    assert index.text_of("shop/basket.py") is None
    assert index.definitions_of(["Basket"], 1)  # a drive that comes back is not read again


def test_questions_from_many_threads_while_files_change(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", {f"f{n}.py": f"def shared(): return {n}\n" for n in range(30)})
    index = indexed(folder)
    stop = threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        while not stop.is_set():
            try:
                assert index.definitions_of(["shared"], 5)
                index.search(["shared"], 5)
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for round_number in range(40):
        write(folder, {"f3.py": f"def shared(): return {round_number + 100}\n"})
        index.note_changes(["f3.py"])
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert index.problems == ()
    assert len(index.definitions_of(["shared"], 99)) == 30


def test_an_update_can_be_cancelled_and_goes_on_later(shop: Path) -> None:
    index = opened(shop)
    assert index.update(is_cancelled=lambda: True).was_cancelled
    assert index.update().parsed == 3


def test_progress_ends_with_all_files(shop: Path) -> None:
    seen: list[tuple[int, int]] = []
    opened(shop).update(on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)


def test_another_grammar_gives_another_fingerprint(tmp_path: Path) -> None:
    own = tmp_path / "grammars"
    shutil.copytree(grammars_folder() / "python", own / "python")
    registry = LanguageRegistry([own])
    before = fingerprint_of(registry)
    assert fingerprint_of(LanguageRegistry([own])) == before
    query = own / "python" / "definitions.scm"
    query.write_text(query.read_text() + "\n; changed\n")
    assert fingerprint_of(registry) != before
