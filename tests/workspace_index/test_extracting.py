"""What is known of a file: definitions, imports, names and pieces, in every language."""

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.syntax.pieces import LONGEST_HEADER_LINES, LONGEST_PIECE_BYTES, LONGEST_PIECE_LINES
from tabwright.workspace_index.describing import LONGEST_DOC, LONGEST_SIGNATURE
from tabwright.workspace_index.extracting import LONGEST_TEXT, facts_of
from tabwright.workspace_index.facts import FileFacts

LANGUAGES = {each.id: each for each in LanguageRegistry([grammars_folder()]).all()}


@dataclass(frozen=True)
class Sample:
    """A program, and what is expected of it; a definition is written `kind parent/name`."""

    program: str
    definitions: tuple[str, ...]
    signatures: dict[str, str] = field(default_factory=dict)
    """By the definition's name."""
    docs: dict[str, str] = field(default_factory=dict)
    imports: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    references: tuple[str, ...] = ()
    """Some of the names that are used."""
    no_references: tuple[str, ...] = ()


SAMPLES = {
    "python": Sample(
        '''import os.path, numpy as np
from ..models import User, Group as UserGroup
from .base import *

LIMIT: int = 10
TABLE = {
    "a": 1,
}

@dataclass
class Account(Base):
    """An account of a user. It has a balance."""

    owner: User
    kind = "plain"

    def __init__(self, owner):
        self.owner = owner
        self.balance = np.zeros(3)
        local = 1

    @property
    async def total(
        self, *, exact: bool = True
    ) -> int:
        """Return the sum."""
        def inner(x):
            return x
        return inner(self.balance)

# Opens an account.
# For good.
def open_account(name): return Account(name, LIMIT)
''',
        (
            "constant /LIMIT",
            "constant /TABLE",
            "class /Account",
            "field Account/owner",
            "field Account/kind",
            "method Account/__init__",
            "field Account/balance",
            "method Account/total",
            "function Account.total/inner",
            "function /open_account",
        ),
        {
            "LIMIT": "LIMIT: int = 10",
            "TABLE": "TABLE = { ...",
            "Account": "@dataclass\nclass Account(Base):",
            "balance": "self.balance = np.zeros(3)",
            "total": "@property\nasync def total(\n    self, *, exact: bool = True\n) -> int:",
            "open_account": "def open_account(name):",
        },
        {
            "Account": "An account of a user.",
            "total": "Return the sum.",
            "open_account": "Opens an account.",
            "inner": "",
        },
        (
            ("os.path", (), ()),
            ("numpy", (), ("np",)),
            ("..models", ("User", "Group"), ("User", "UserGroup")),
            (".base", ("*",), ("*",)),
        ),
        ("Account", "LIMIT", "User", "balance", "zeros", "np"),
        ("open_account", "TABLE"),
    ),
    "javascript": Sample(
        """import React, { useState as use, useMemo } from 'react';
import * as helpers from "./helpers.js";
import './side.css';
export { a as b } from './c';
const fs = require('fs');
const { join, sep: separator } = require('node:path');

/**
 * A button.
 * @param {string} title
 */
export default class Button extends Component {
  static count = 0;
  #state = 1;
  constructor(title) { super(); this.title = title; }
  onClick = async () => { const local = 1; };
  get size() { return helpers.size(this) }
}

export const load = async (url, { retries }) => {
  return fs.readFile(join(url, retries));
};
const table = { open() {}, close: function (door) {} };
exports.start = function () {};
Button.prototype.draw = function (canvas) {};
function *walk(node) { yield* node; }
module.exports = class Panel extends Base { open() {} };
""",
        (
            "class /Button",
            "field Button/count",
            "field Button/#state",
            "method Button/constructor",
            "field Button/title",
            "method Button/onClick",
            "method Button/size",
            "function /load",
            "constant /table",
            "function table/open",
            "function table/close",
            "function /start",
            "method Button/draw",
            "function /walk",
            "class /Panel",
            "method Panel/open",
        ),
        {
            "Button": "export default class Button extends Component",
            "load": "export const load = async (url, { retries }) =>",
            "draw": "Button.prototype.draw = function (canvas)",
            "walk": "function *walk(node)",
        },
        {"Button": "A button."},
        (
            ("react", ("default", "useState", "useMemo"), ("React", "use", "useMemo")),
            ("./helpers.js", (), ("helpers",)),
            ("./side.css", (), ()),
            ("./c", ("a",), ("b",)),
            ("fs", (), ("fs",)),
            ("node:path", ("join", "sep"), ("join", "separator")),
        ),
        ("readFile", "Component", "helpers", "Button"),
        ("walk",),
    ),
    "typescript": Sample(
        """import type { User } from './user';
import fs = require('fs');

/** What can be drawn. */
export interface Shape extends Base {
  name: string;
  area(scale: number): number;
}
export type Id = string | number;
export enum Color { Red, Green = 2 }
@Injectable()
export abstract class Store<T> implements Shape {
  private readonly items: T[] = [];
  constructor(private api: Api, other: number) {}
  abstract find(id: Id): T;
  map = (f: (x: T) => T): T[] => this.items.map(f);
}
namespace Inner.Part { export const depth = 1; }
declare module "vendor" { function boot(): void; }
export declare const version: string;
export function parse(text: string): Shape;
export function parse(text: any) { return text as Shape; }
""",
        (
            "class /Shape",
            "field Shape/name",
            "method Shape/area",
            "type /Id",
            "class /Color",
            "field Color/Red",
            "field Color/Green",
            "class /Store",
            "field Store/items",
            "method Store/constructor",
            "field Store/api",
            "method Store/find",
            "method Store/map",
            "module /Inner.Part",
            "constant Inner.Part/depth",
            "module /vendor",
            "function vendor/boot",
            "constant /version",
            "function /parse",
            "function /parse",
        ),
        {
            "Id": "export type Id = string | number;",
            "Store": "@Injectable()\nexport abstract class Store<T> implements Shape",
            "find": "abstract find(id: Id): T",
            "version": "export declare const version: string;",
        },
        {"Shape": "What can be drawn."},
        (("./user", ("User",), ("User",)), ("fs", (), ("fs",))),
        ("Api", "Base", "Id", "items"),
    ),
    "tsx": Sample(
        """import React from 'react';
interface Props { title: string }
export const App: React.FC<Props> = ({ title }) => {
  const [count, setCount] = React.useState(0);
  return <Panel title={title}>{count}</Panel>;
};
""",
        ("class /Props", "field Props/title", "function /App"),
        {"App": "export const App: React.FC<Props> = ({ title }) =>"},
        {},
        (("react", ("default",), ("React",)),),
        ("Panel", "Props", "useState"),
    ),
    "go": Sample(
        """package store

import (
	"fmt"
	str "strings"
	. "math"
)

// Store keeps items. It is safe.
type Store struct {
	items, spare map[string]int
	Name  string
}

type Reader interface {
	Read(key string) (int, error)
}
type Handler func(int) error

const (
	First = iota
	Second
)

var Default = New()

// Get returns an item.
func (s *Store) Get(key string) (int, error) {
	value := s.items[key]
	return value, fmt.Errorf(str.ToUpper(key))
}

func New() *Store { return &Store{} }
""",
        (
            "module /store",
            "class /Store",
            "field Store/items",
            "field Store/spare",
            "field Store/Name",
            "class /Reader",
            "method Reader/Read",
            "type /Handler",
            "constant /First",
            "constant /Second",
            "constant /Default",
            "method Store/Get",
            "function /New",
        ),
        {
            "Store": "type Store struct",
            "items": "items, spare map[string]int",
            "Get": "func (s *Store) Get(key string) (int, error)",
            "Handler": "type Handler func(int) error",
        },
        {"Store": "Store keeps items.", "Get": "Get returns an item."},
        (("fmt", (), ()), ("strings", (), ("str",)), ("math", ("*",), ("*",))),
        ("Store", "Errorf", "ToUpper", "items", "value"),
        ("Handler",),
    ),
    "rust": Sample(
        """use std::io;
use crate::net::{tcp::{Stream, Listener as Door}, udp, self};
use super::base::*;
mod parts;

/// A queue. It grows.
#[derive(Debug)]
pub struct Queue<T> { items: Vec<T>, pub limit: usize }
pub enum State { Open, Closed(u32) }
pub trait Sink { fn put(&self, x: u32); }
impl<T> Sink for Queue<T> {
    const SIZE: usize = 4;
    fn put(&self, x: u32) { let local = x; self.items.push(local) }
}
macro_rules! check { ($x:expr) => { $x } }
static COUNT: u32 = 0;
type Short = Queue<u8>;
pub(crate) async fn run<T>(q: &Queue<T>) -> Result<(), State> where T: Sink { q.put(1) }
""",
        (
            "module /parts",
            "class /Queue",
            "field Queue/items",
            "field Queue/limit",
            "class /State",
            "field State/Open",
            "field State/Closed",
            "class /Sink",
            "method Sink/put",
            "field Queue/SIZE",
            "method Queue/put",
            "macro /check",
            "constant /COUNT",
            "type /Short",
            "function /run",
        ),
        {
            "Queue": "#[derive(Debug)]\npub struct Queue<T>",
            "run": "pub(crate) async fn run<T>(q: &Queue<T>) -> Result<(), State> where T: Sink",
            "limit": "pub limit: usize",
        },
        {"Queue": "A queue."},
        (
            ("std", ("io",), ("io",)),
            ("crate::net", (), ("net",)),
            ("crate::net", ("udp",), ("udp",)),
            ("crate::net::tcp", ("Stream", "Listener"), ("Stream", "Door")),
            ("super::base", ("*",), ("*",)),
        ),
        ("Queue", "push", "State", "Vec"),
        ("run", "COUNT"),
    ),
    "java": Sample(
        """package org.shop.cart;

import java.util.List;
import static java.lang.Math.max;
import org.shop.model.*;

/** A cart of things. See {@link Shop}. */
@Entity
public class Cart<T> extends Base implements Closeable {
  private static final int MAX = 10, MIN = 1;
  public Cart(List<T> items) { this.items = items; }

  /** Adds a thing. */
  @Override
  public boolean add(T thing) throws Full {
    int local = max(1, MAX);
    return items.add(thing);
  }
  abstract void close();
  enum Size { SMALL, LARGE }
  interface Visitor { void visit(Cart<?> cart); }
  record Point(int x, int y) {}
}
""",
        (
            "module /org.shop.cart",
            "class /Cart",
            "field Cart/MAX",
            "field Cart/MIN",
            "method Cart/Cart",
            "method Cart/add",
            "method Cart/close",
            "class Cart/Size",
            "field Cart.Size/SMALL",
            "field Cart.Size/LARGE",
            "class Cart/Visitor",
            "method Cart.Visitor/visit",
            "class Cart/Point",
        ),
        {
            "add": "@Override\npublic boolean add(T thing) throws Full",
            "MAX": "private static final int MAX = 10, MIN = 1;",
            "Point": "record Point(int x, int y)",
        },
        {"add": "Adds a thing."},
        (
            ("java.util", ("List",), ("List",)),
            ("java.lang.Math", ("max",), ("max",)),
            ("org.shop.model", ("*",), ("*",)),
        ),
        ("Base", "Full", "items", "MAX"),
    ),
    "c": Sample(
        """#include <stdio.h>
#include "list.h"
#define LIMIT 10
#define MAX(a, b) ((a) > (b) ? (a) : (b))

typedef struct { int size; char *name; } Item;
struct node { struct node *next; };
enum color { RED, GREEN = 2 };
typedef int (*compare)(const void *, const void *);
typedef unsigned long word;
extern int verbose;
static const char *names[] = { "a" };
int *find(struct node *list, int key);

/* Prints a list. */
static int
print_list(const struct node *list)
{
  int local = LIMIT;
  return printf("%d", local);
}
""",
        (
            "macro /LIMIT",
            "macro /MAX",
            "class /Item",
            "field Item/size",
            "field Item/name",
            "class /node",
            "field node/next",
            "class /color",
            "field color/RED",
            "field color/GREEN",
            "type /compare",
            "type /word",
            "constant /verbose",
            "constant /names",
            "function /find",
            "function /print_list",
        ),
        {
            "MAX": "#define MAX(a, b)",
            "Item": "typedef struct { ... } Item",
            "find": "int *find(struct node *list, int key);",
            "print_list": "static int\nprint_list(const struct node *list)",
        },
        {"print_list": "Prints a list."},
        (("<stdio.h>", (), ()), ('"list.h"', (), ())),
        ("printf", "LIMIT", "node"),
        ("find", "word"),
    ),
    "cpp": Sample(
        """#include <vector>
using namespace std;
namespace geo::flat {
/// A grid.
template <typename T>
class Grid : public Base<T> {
 public:
  explicit Grid(int size);
  ~Grid() = default;
  int size() const { return size_; }
  T& operator[](int at);
 private:
  int size_, *cells_;
  vector<T> rows_;
};
using Small = Grid<char>;
Grid::Grid(int size) : size_(size) { Point origin(1); }
int Grid::area() const { return size_ * size_; }
}
""",
        (
            "module /geo::flat",
            "class geo.flat/Grid",
            "method geo.flat.Grid/Grid",
            "method geo.flat.Grid/~Grid",
            "method geo.flat.Grid/size",
            "method geo.flat.Grid/operator[]",
            "field geo.flat.Grid/size_",
            "field geo.flat.Grid/cells_",
            "field geo.flat.Grid/rows_",
            "type geo.flat/Small",
            "method geo.flat.Grid/Grid",
            "method geo.flat.Grid/area",
        ),
        {
            "size": "int size() const",
            "area": "int Grid::area() const",
            "rows_": "vector<T> rows_;",
        },
        {},
        (("<vector>", (), ()), ("std", (), ())),
        ("size_", "Base", "Point"),
        ("Small",),
    ),
    "csharp": Sample(
        """using System;
using static System.Math;
using Json = System.Text.Json;
namespace Shop.Cart {
/// <summary>A cart. It holds things.</summary>
[Serializable]
public class Cart<T> : Base {
  private int count = 1;
  public string Name { get; set; }
  public Cart(int count) { this.count = count; }
  public T Find<U>(U key) => Items[key];
  public event Action Changed;
  enum Size { Small, Large }
}
public record Point(int X, int Y);
}
""",
        (
            "module /Shop.Cart",
            "class Shop.Cart/Cart",
            "field Shop.Cart.Cart/count",
            "field Shop.Cart.Cart/Name",
            "method Shop.Cart.Cart/Cart",
            "method Shop.Cart.Cart/Find",
            "field Shop.Cart.Cart/Changed",
            "class Shop.Cart.Cart/Size",
            "field Shop.Cart.Cart.Size/Small",
            "field Shop.Cart.Cart.Size/Large",
            "class Shop.Cart/Point",
        ),
        {
            "Find": "public T Find<U>(U key)",
            "Name": "public string Name { get; set; }",
        },
        {},
        (("System", (), ()), ("System.Math", (), ()), ("System.Text.Json", (), ("Json",))),
        ("Base", "Items", "Action"),
    ),
    "ruby": Sample(
        """require 'json'
require_relative "lib/tool"
module Shop
  # A cart. With things.
  class Cart < Base
    LIMIT = 10
    attr_accessor :owner, :items
    def initialize(owner)
      @owner = owner
    end
    def self.build; new(LIMIT); end
    def empty?
    end
  end
end
def helper(a, b = 1)
  Shop::Cart.build
end
""",
        (
            "module /Shop",
            "class Shop/Cart",
            "field Shop.Cart/LIMIT",
            "field Shop.Cart/owner",
            "field Shop.Cart/items",
            "method Shop.Cart/initialize",
            "field Shop.Cart/@owner",
            "method Shop.Cart/build",
            "method Shop.Cart/empty?",
            "function /helper",
        ),
        {
            "Cart": "class Cart < Base",
            "empty?": "def empty?",
            "helper": "def helper(a, b = 1)",
        },
        {"Cart": "A cart."},
        (("json", (), ()), ("lib/tool", (), ())),
        ("Base", "new", "LIMIT", "Cart"),
        ("helper",),
    ),
    "php": Sample(
        """<?php
namespace App\\Models;
use App\\Base\\Model;
use App\\Util\\{Text, Json as J};
use App\\Tool as T;
require_once 'lib/old.php';
const LIMIT = 3;
define('MODE', 'x');
/**
 * A user of the shop.
 * @property int $id
 */
abstract class User extends Model implements HasName {
  public const ROLE = 1;
  protected ?int $age = 1;
  public function __construct(private Text $name) {}
  abstract public function greet(string $to): string;
}
interface HasName { function name(): string; }
enum Suit: string { case Hearts = 'H'; }
function boot(array $options) { return new User($options, LIMIT); }
""",
        (
            "module /App\\Models",
            "constant /LIMIT",
            "constant /MODE",
            "class /User",
            "field User/ROLE",
            "field User/age",
            "method User/__construct",
            "field User/name",
            "method User/greet",
            "class /HasName",
            "method HasName/name",
            "class /Suit",
            "field Suit/Hearts",
            "function /boot",
        ),
        {
            "greet": "abstract public function greet(string $to): string;",
            "age": "protected ?int $age = 1;",
        },
        {"User": "A user of the shop."},
        (
            ("App\\Base", ("Model",), ("Model",)),
            ("App\\Util", ("Text", "Json"), ("Text", "J")),
            ("App", ("Tool",), ("T",)),
            ("'lib/old.php'", (), ()),
        ),
        ("Model", "options", "LIMIT", "Text"),
        ("boot",),
    ),
    "kotlin": Sample(
        """package org.shop
import org.base.Item as Thing
import org.util.*

/** A cart. */
@Serializable
data class Cart(val owner: String, size: Int) : Base() {
    val total = 1
    fun add(item: Thing): Int {
        val local = item.price
        return local
    }
    companion object {
        const val LIMIT = 10
    }
}
interface Sink { fun put(x: Int) }
object Registry { }
enum class Size { SMALL, LARGE }
fun String.shout(): String = uppercase()
typealias Id = Int
""",
        (
            "module /org.shop",
            "class /Cart",
            "field Cart/owner",
            "field Cart/total",
            "method Cart/add",
            "field Cart/LIMIT",
            "class /Sink",
            "method Sink/put",
            "class /Registry",
            "class /Size",
            "field Size/SMALL",
            "field Size/LARGE",
            "function /shout",
            "type /Id",
        ),
        {"add": "fun add(item: Thing): Int", "shout": "fun String.shout(): String"},
        {"Cart": "A cart."},
        (("org.base", ("Item",), ("Thing",)), ("org.util", ("*",), ("*",))),
        ("price", "Base", "uppercase"),
        ("Registry",),
    ),
    "lua": Sample(
        """local json = require("lib.json")
local Store = {}
local limit = 10
-- Opens a store. Later closes it.
function Store.open(path) return json.load(path) end
function Store:close() self.path = nil end
local function helper(x)
  local inner = x
  return inner
end
Store.keep = function(a) end
""",
        (
            "constant /Store",
            "constant /limit",
            "method Store/open",
            "method Store/close",
            "function /helper",
            "method Store/keep",
        ),
        {"open": "function Store.open(path)", "keep": "Store.keep = function(a)"},
        {"open": "Opens a store."},
        (("lib.json", (), ("json",)),),
        ("load", "Store", "inner"),
        ("helper",),
    ),
    "scala": Sample(
        """package org.shop
import org.base.Item
import org.util.{Text, Json => J, _}
/** A cart. */
case class Cart(owner: String) extends Base {
  val total = 1
  def add(item: Item): Int = { val local = item.price; local }
}
object Cart { type Id = Int; lazy val limit: Int = 2 }
trait Sink { def put(x: Int): Unit }
""",
        (
            "module /org.shop",
            "class /Cart",
            "field Cart/owner",
            "field Cart/total",
            "method Cart/add",
            "class /Cart",
            "type Cart/Id",
            "field Cart/limit",
            "class /Sink",
            "method Sink/put",
        ),
        {"put": "def put(x: Int): Unit", "limit": "lazy val limit: Int = 2"},
        {},
        (
            ("org.base", ("Item",), ("Item",)),
            ("org.util", ("Text", "Json", "*"), ("Text", "J", "*")),
        ),
        ("Base", "price", "Item"),
        ("put",),
    ),
    "swift": Sample(
        """import Foundation
/// A cart. With things.
public class Cart: Base {
    let owner: String = ""
    var total: Int { return 2 }
    init(owner: String) { self.owner = owner }
    func add(_ item: Item) -> Int { let local = item.price; return local }
}
enum Size { case small, large(Int) }
protocol Sink { func put(x: Int) }
extension Cart { func clear() {} }
typealias Id = Int
let limit = 10
func boot() {}
""",
        (
            "class /Cart",
            "field Cart/owner",
            "field Cart/total",
            "method Cart/init",
            "method Cart/add",
            "class /Size",
            "field Size/small",
            "field Size/large",
            "class /Sink",
            "method Sink/put",
            "method Cart/clear",
            "type /Id",
            "constant /limit",
            "function /boot",
        ),
        {"add": "func add(_ item: Item) -> Int", "total": "var total: Int"},
        {"Cart": "A cart."},
        (("Foundation", (), ()),),
        ("Base", "price", "Item"),
        ("boot", "limit"),
    ),
    "bash": Sample(
        """#!/bin/bash
source ./lib.sh
. "$HERE/tools.sh"
LIMIT=10
# Builds it all.
build() { local target=$1; make "$target" "${LIMIT}"; }
function clean { rm -rf out; }
build all
""",
        ("constant /LIMIT", "function /build", "function /clean"),
        {"LIMIT": "LIMIT=10", "build": "build()", "clean": "function clean"},
        {"build": "Builds it all.", "clean": ""},
        (("./lib.sh", (), ()), ('"$HERE/tools.sh"', (), ())),
        ("make", "build", "target", "LIMIT"),
        ("clean",),
    ),
}


@pytest.mark.parametrize("language_id", sorted(SAMPLES))
def test_definitions_have_kinds_parents_headers_and_docs(language_id: str) -> None:
    sample = SAMPLES[language_id]
    facts = facts_of(sample.program, LANGUAGES[language_id])
    found = [f"{each.kind} {each.parent}/{each.name}" for each in facts.definitions]
    assert found == list(sample.definitions)
    signatures = {each.name: each.signature for each in facts.definitions}
    assert {name: signatures[name] for name in sample.signatures} == sample.signatures
    docs = {each.name: each.doc for each in facts.definitions}
    assert {name: docs[name] for name in sample.docs} == sample.docs


@pytest.mark.parametrize("language_id", sorted(SAMPLES))
def test_imports_say_modules_names_and_what_they_are_called(language_id: str) -> None:
    sample = SAMPLES[language_id]
    facts = facts_of(sample.program, LANGUAGES[language_id])
    found = tuple((each.module, each.names, each.aliases) for each in facts.imports)
    assert found == sample.imports


@pytest.mark.parametrize("language_id", sorted(SAMPLES))
def test_names_that_are_used_are_references_and_those_only_defined_are_not(
    language_id: str,
) -> None:
    sample = SAMPLES[language_id]
    references = dict(facts_of(sample.program, LANGUAGES[language_id]).references)
    assert set(sample.references) <= set(references)
    assert not set(sample.no_references) & set(references)
    assert list(references) == sorted(references)


@pytest.mark.parametrize("language_id", sorted(SAMPLES))
@pytest.mark.parametrize("change", ["crlf", "emoji", "as it is"])
def test_offsets_are_those_of_the_text(language_id: str, change: str) -> None:
    program = SAMPLES[language_id].program
    if change == "crlf":
        program = program.replace("\n", "\r\n")
    if change == "emoji":
        comment = f"{LANGUAGES[language_id].line_comment} 😀 é ‸\n\n"
        first, line_end, rest = program.partition("\n")
        is_mark = first.startswith(("<?", "#!"))
        program = f"{first}\n{comment}{rest}" if is_mark else f"{comment}{first}{line_end}{rest}"
    facts = facts_of(program, LANGUAGES[language_id])
    plain = facts_of(SAMPLES[language_id].program, LANGUAGES[language_id])
    assert [each.name for each in facts.definitions] == [each.name for each in plain.definitions]
    for each in facts.definitions:
        piece = program[each.start : each.end]
        assert each.name in piece
        assert not piece.endswith(("\n", "\r"))
        before = program[: each.start].rpartition("\n")[2]
        assert not before or before.strip()  # at the line's start, or not first on its line
    check_chunks(program, facts)


def check_chunks(text: str, facts: FileFacts) -> None:
    """Chunks are in order, apart, of a bounded size, and leave out nothing but white space."""
    position = 0
    for chunk in facts.chunks:
        assert not text[position : chunk.start].strip()
        assert position <= chunk.start < chunk.end
        piece = text[chunk.start : chunk.end]
        assert piece.count("\n") <= LONGEST_PIECE_LINES + LONGEST_HEADER_LINES
        assert len(piece) <= LONGEST_PIECE_BYTES + 1_000
        position = chunk.end
    assert len(text[position:].strip()) <= 1


def test_small_functions_share_a_chunk_and_a_long_class_is_cut_between_its_methods() -> None:
    small = "".join(f"def small_{n}():\n    return {n}\n\n" for n in range(6))
    method = "".join(
        f"    # The method {m}.\n    def method_{m}(self):\n" + "        x = 1\n" * 20 + "\n"
        for m in range(5)
    )
    text = f"{small}class Long:\n{method}\nlast = 1\n"
    pieces = [text[chunk.start : chunk.end] for chunk in facts_of(text, LANGUAGES["python"]).chunks]
    assert pieces[0] == small
    assert pieces[1].startswith("class Long:\n    # The method 0.\n    def method_0(")
    assert [piece.lstrip().splitlines()[0] for piece in pieces[2:]] == [
        f"# The method {m}." for m in range(1, 5)
    ] + ["last = 1"]


def test_a_closing_brace_stays_with_what_it_closes() -> None:
    method = "".join(f"  m{m}() {{\n" + "    x();\n" * 50 + "  }\n" for m in range(2))
    text = f"class A {{\n{method}}}\nb();\n"
    for chunk in facts_of(text, LANGUAGES["javascript"]).chunks:
        assert text[chunk.start : chunk.end].strip() != "}"


def test_a_half_written_file_keeps_what_can_be_told() -> None:
    text = "import os\n\nclass A:\n    def f(self):\n        return os.(\n\ndef g(x):\n    y = [\n"
    names = {each.name for each in facts_of(text, LANGUAGES["python"]).definitions}
    assert {"A", "f"} <= names


def test_a_long_header_and_a_long_comment_are_cut_short() -> None:
    parameters = ", ".join(f"parameter_{n}: int" for n in range(100))
    text = f'def f({parameters}):\n    """{"Very " * 100}long."""\n    return 1\n'
    (definition,) = facts_of(text, LANGUAGES["python"]).definitions
    assert len(definition.signature) <= LONGEST_SIGNATURE
    assert definition.signature.endswith(" ...")
    assert len(definition.doc) <= LONGEST_DOC


def test_a_text_that_is_too_long_has_no_facts() -> None:
    text = "def f(): pass\n" * (LONGEST_TEXT // 14 + 1)
    assert facts_of(text, LANGUAGES["python"]) == FileFacts("python", (), (), (), ())
    assert facts_of("", LANGUAGES["python"]) == FileFacts("python", (), (), (), ())


def test_a_language_without_queries_has_chunks_and_names_nothing() -> None:
    facts = facts_of('{\n  "a": [1, 2]\n}\n', LANGUAGES["json"])
    assert (facts.definitions, facts.imports, facts.references) == ((), (), ())
    assert len(facts.chunks) == 1


NOISE = {
    "brackets": "(" * 50_000,
    "mixed": "({[" * 15_000,
    "nul": "a\0b\n\0def f():\0 pass\n" * 100,
    "surrogates": "def \ud800 f(): pass\nx='\udfff'\n" * 50,
    "one line": "x = 1; " * 100_000,
    "one word": "a" * 900_000,
    "deep": "a." * 100_000,
    "calls": "f(" * 30_000 + ")" * 30_000,
    "empty lines": "\n" * 300_000,
    "quotes": '"' * 50_001,
    "random": "".join(
        random.Random(7).choice("(){}[]<>\"'`;:,.=+-*/\\ \n\tabcdef019#@!$%^&|~?é😀")
        for _ in range(20_000)
    ),
}


@pytest.mark.parametrize("language_id", ["python", "javascript", "c", "go"])
@pytest.mark.parametrize("noise", sorted(NOISE))
def test_noise_is_survived(language_id: str, noise: str) -> None:
    text = NOISE[noise]
    facts = facts_of(text, LANGUAGES[language_id])
    assert all(0 <= each.start < each.end <= len(text) for each in facts.definitions)
    assert all(0 <= each.start < each.end <= len(text) for each in facts.chunks)


def test_a_folder_whose_query_is_wrong_gives_no_facts_and_one_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "python"
    folder.mkdir()
    for path in (grammars_folder() / "python").iterdir():
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "imports.scm").write_text("(no_such_node) @import\n", encoding="utf-8")
    (language,) = LanguageRegistry([tmp_path]).all()
    assert isinstance(language, Language)
    assert facts_of("import os\n", language) == FileFacts("python", (), (), (), ())
    assert "imports.scm is not a query" in caplog.text
