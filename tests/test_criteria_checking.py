"""The check of a criteria file: every fault with its place, the places of keys, limits."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import cli
from workbench.criteria.checking import CheckedFile, check_file
from workbench.criteria.places import Places
from workbench.scorer import schema
from workbench.scorer.criteria import CriteriaSet, toml_text
from workbench.scorer.criteria.toml_scan import KeyPath, UnreadableError
from workbench.scorer.criteria.toml_text import MAX_BYTES, parse
from workbench.scorer.errors import CriterionError

COLUMNS: dict[str, pl.DataType] = dict(schema.derive(schema.empty(schema.names(*schema.Role))).schema)
GOOD = '[[criterion]]\nid = "c"\ntitle = "Heavy"\nwhen = "net_mass_kg > 10"\nlane = "red"\n'


def check(tmp_path: Path, text: str, **options: Any) -> CheckedFile:
    path = tmp_path / "set.toml"
    path.write_bytes(text.encode())
    return check_file(path, COLUMNS, **options)


def found(checked: CheckedFile) -> list[tuple[int, int, str]]:
    return [(placed.line, placed.column, placed.fault.code) for placed in checked.faults]


# --- a whole file ------------------------------------------------------------------------------------------------

BAD = r'''
[[criterion]]  # [not a table]
id = "one"
title = "One"
when = """
net_mass_kg > :least
  AND hs_cod = '87' AND violation = 1
"""
parameters = { least = { value = 5, range = [10, 20] }, unused = 3 }
lane = "rde"
hit_percentage = 120

[[criterion]]
id = "one"
title = "Two"
when = "net_mass_kg > 5 AND net_mass_kg < 3"
lane = "green"
whne = 3
reason = "too {much}"

[[criterion]]
id = "three"
title = 'Three'
when = "hs2 = '\u0041\u0042C' OR quantty > 3"
valid_to = 2025-01-01
[criterion.parameters]
flag = true

[[criterion]]
id = "four"
title = "Four"
when = """quantity \
      >= 'a'"""
"lane" = "red"

[lists.watch.importers]
entries = ["A", { value = "B", expires = 2025-01-01 }, true,
  { value = "C", expire = 1 }]
[points]
red = 100
blu = 3
'''


def test_every_fault_of_a_file_is_told_at_its_place(tmp_path: Path) -> None:
    checked = check(tmp_path, BAD, on=dt.date(2026, 1, 1))
    assert found(checked) == [
        (7, 7, "unknown_column"),
        (7, 25, "known_after_control"),
        (9, 24, "out_of_range"),
        (9, 57, "unused_parameter"),
        (10, 1, "lane"),
        (11, 18, "percentage"),
        (13, 1, "no_effect"),
        (14, 6, "duplicate_id"),
        (16, 9, "unreachable"),
        (18, 1, "unknown_key"),
        (19, 10, "reason"),
        (21, 1, "missing_key"),
        (24, 34, "unknown_column"),
        (25, 12, "expired"),
        (27, 8, "value"),
        (33, 10, "type"),
        (37, 11, "expired_entry"),
        (37, 56, "value"),
        (38, 18, "unknown_key"),
        (40, 7, "points"),
        (41, 1, "lane"),
    ]
    assert checked.refused
    assert checked.criteria is None


def test_line_ends_of_windows_change_no_place(tmp_path: Path) -> None:
    plain, windows = check(tmp_path, BAD), check(tmp_path, "\ufeff" + BAD.replace("\n", "\r\n"))
    assert found(plain) == found(windows)


def test_a_report_has_one_line_a_fault_and_a_line_that_sums_up(tmp_path: Path) -> None:
    checked = check(
        tmp_path, GOOD.replace("net_mass_kg", "net_mas_kg") + "valid_to = 2025-01-01\n", on=dt.date(2026, 1, 1)
    )
    path = tmp_path / "set.toml"
    assert checked.describe().splitlines() == [
        f"{path}:4:9: error: criterion 'c': There is no column 'net_mas_kg'. Try: net_mass_kg [unknown_column]",
        f"{path}:6:12: warning: criterion 'c': It ended on 2025-01-01 and hits nothing lodged since. "
        "Try: extend valid_to or retire the criterion [expired]",
        f"{path}: refused, 1 error and 1 warning.",
    ]
    told = checked.to_dict()["faults"][0]
    assert (told["line"], told["column"], told["code"], told["warning"]) == (4, 9, "unknown_column", False)


def test_a_good_file_gives_its_set(tmp_path: Path) -> None:
    checked = check(tmp_path, GOOD)
    assert not checked.refused
    assert checked.criteria == CriteriaSet.from_toml(tmp_path / "set.toml")
    assert checked.describe() == f"{tmp_path / 'set.toml'}: 1 criterion, no fault."


def test_a_warning_refuses_nothing(tmp_path: Path) -> None:
    checked = check(tmp_path, GOOD + GOOD.replace('"c"', '"d"'))
    assert found(checked) == [(9, 8, "same_condition")]
    assert checked.criteria is not None
    assert not checked.refused


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (GOOD + "lane = 'red'\n", (6, 13), "no TOML"),
        ('[[criterion]]\nid = "c\n', (2, 8), "no TOML"),
        ("[[criterion", (1, 12), "no TOML"),
        (GOOD + "points = " + "9" * 5000, (1, 1), "no TOML"),
        ("x = " + "[" * 50 + "]" * 50, (1, 22), "nest deeper than 16"),
        (".".join(["a"] * 50) + " = 1", (1, 1), "more than 16 parts"),
        (GOOD + 'shadow = ["c"]\n', (6, 1), "'shadow' is no key of a criterion"),
        ('shadow = ["c"]\n' + GOOD, (1, 1), "journal says"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_place(tmp_path: Path, text: str, place: tuple[int, int], said: str) -> None:
    checked = check(tmp_path, text)
    assert [(placed.line, placed.column) for placed in checked.faults] == [place]
    assert said in checked.faults[0].fault.message
    assert checked.criteria is None


def test_a_file_in_another_encoding_is_told_where_it_stops_being_utf8(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_bytes(GOOD.encode() + 'owner = "Zürich"\n'.encode("latin-1"))
    checked = check_file(path, COLUMNS)
    assert found(checked) == [(6, 11, "toml")]
    with pytest.raises(CriterionError, match="not UTF-8"):
        CriteriaSet.from_toml(path)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CriterionError, match=r"absent\.toml cannot be read"):
        check_file(tmp_path / "absent.toml", COLUMNS)


def test_faults_of_reading_hide_none_of_the_check(tmp_path: Path) -> None:
    text = GOOD.replace('"red"', "5") + "hit_percentage = 200\npriority = 1.5\n"
    assert [code for _, _, code in found(check(tmp_path, text))] == ["value", "percentage", "value"]


@pytest.mark.parametrize(
    "header", ["[lists.watch.importers]", '[lists."watch.importers"]', "[lists.watch.'importers']"]
)
def test_the_entries_of_a_list_have_places_however_its_name_is_written(tmp_path: Path, header: str) -> None:
    text = f'{GOOD}{header}\nentries = [\n  "A",  # one\n  {{ value = "B", expires = 1 }}, 1e400,\n]\n'
    assert found(check(tmp_path, text)) == [(9, 3, "value"), (9, 33, "value")]


# --- limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_regular_file_is_refused_unopened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "set.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    for read_it in (CriteriaSet.from_toml, lambda given: check_file(given, COLUMNS)):
        with pytest.raises(CriterionError, match="is no regular file"):
            read_it(path)


def test_a_file_larger_than_it_says_is_read_no_further_than_it_may(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "set.toml"
    path.write_text("# a comment longer than ten bytes")
    monkeypatch.setattr(toml_text, "MAX_BYTES", 10)
    with pytest.raises(UnreadableError, match="33 bytes"):
        toml_text.read(path)
    honest = Path.stat

    def says_nothing(self: Path, **options: Any) -> Any:
        found = honest(self, **options)
        return os.stat_result((*found[:6], 0, *found[7:10]))

    monkeypatch.setattr(Path, "stat", says_nothing)
    with pytest.raises(UnreadableError, match="11 bytes or more"):
        toml_text.read(path)


def test_ten_megabytes_are_refused_unread_within_50_ms(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    start = time.perf_counter()
    checked = check_file(path, COLUMNS)
    with pytest.raises(CriterionError, match="10,000,001 bytes"):
        CriteriaSet.from_toml(path)
    assert time.perf_counter() - start < 0.05
    assert found(checked) == [(1, 1, "toml")]


BOMBS = {
    "dotted key": ".".join(["a"] * 2_000_000) + " = 1",
    "dotted header": f"[{'.'.join(['a'] * 2_000_000)}]",
    "dotted quoted key in a table": "x = {" + ".".join(['"a"'] * 1_000_000) + " = 1}",
    "arrays": "x = " + "[" * 4_000_000,
    "tables": "x = " + "{a=" * 2_000_000,
    "headers": "[[criterion]]\n" * 100_000,
    "many criteria": GOOD * 10_001,
    "lists": GOOD + "".join(f"[lists.a{number}]\nentries = []\n" for number in range(1_001)),
    "escaped quotes": 'x = """' + '\\"""' * 500_000,
    "control characters": GOOD + 'reason = "\\u001b[2J"',
    "change of direction": GOOD + 'reason = "a\u202eb"',
    "long text": GOOD + f'reason = "{"a" * 5_000}"',
    "long id": GOOD.replace('"c"', f'"{"c" * 500_000}"'),
    "many parameters": GOOD + "[criterion.parameters]\n" + "".join(f"a{number} = 1\n" for number in range(5_000)),
    "many keys": GOOD + "".join(f"a{number} = 1\n" for number in range(5_000)),
    "many lanes": GOOD + "[points]\n" + "".join(f"a{number} = 1\n" for number in range(5_000)),
    "entries of a wrong type": GOOD + f"[lists.w]\nentries = [{'true,' * 50_000}]",
    "long entry": GOOD + f'[lists.w]\nentries = ["{"a" * 1_000_000}"]',
    "entry with a control character": GOOD + '[lists.w]\nentries = ["a\\u0000"]',
    "entry that is infinite": GOOD + "[lists.w]\nentries = [1e309, inf, nan]",
    "nested entries": GOOD + '[lists.w]\nentries = [["a"]]',
    "digits": GOOD + f"points = {'9' * 4_000}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_few_words(tmp_path: Path, name: str) -> None:
    start = time.perf_counter()
    checked = check(tmp_path, BOMBS[name])
    assert time.perf_counter() - start < 20
    assert checked.refused
    assert len(checked.faults) <= 30
    assert all(len(str(placed)) < 1_000 for placed in checked.faults)


# --- the places of keys ------------------------------------------------------------------------------------------

names = st.one_of(st.sampled_from(["a", "b-c", "1", "_"]), st.text("ab .#[]=\"'\\\né\u202f", max_size=4))
characters = st.one_of(
    st.sampled_from("\"'\\\n\t#[]{}=, é\u2028\U0001f600"), st.characters(exclude_categories=["Cs", "Cc"])
)
texts = st.text(characters, max_size=12)
scalars = st.one_of(
    texts,
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(dt.date(1990, 1, 1)),
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
gaps = st.sampled_from(["", " ", "\t"])
breaks = st.sampled_from(["", " ", "\n", " # [x] = {\n", "\n\n  "])


class Writer:
    """Writes TOML in every style that there is, and notes where each key and value starts."""

    def __init__(self, draw: st.DataObject) -> None:
        self.draw, self.text = draw, ""
        self.keys: dict[KeyPath, int] = {}
        self.values: dict[KeyPath, int] = {}

    def any(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.draw.draw(strategy)

    def add(self, text: str) -> None:
        self.text += text

    def quoted(self, text: str, *, long: bool) -> str:
        """Write a text as one of TOML's four strings."""
        printable = all(character >= " " or character in "\t\n" for character in text)
        styles = ["basic"]
        if printable and "'" not in text and "\n" not in text:
            styles.append("literal")
        if long and printable and "'''" not in text and not text.endswith("'"):
            styles.append("long literal")
        if long:
            styles.append("long basic")
        style = self.any(st.sampled_from(styles))
        if style == "literal":
            return f"'{text}'"
        if style == "long literal":
            return f"'''\n{text}'''"
        return self.escaped(text, long=style == "long basic")

    def escaped(self, text: str, *, long: bool) -> str:
        must = {"\\": "\\\\", "\t": "\\t", '"': '\\"'} | ({} if long else {"\n": "\\n"})
        parts = []
        for character in text:
            unicode = f"\\U{ord(character):08x}"
            hidden = character < " " and character not in "\t\n"
            written = unicode if hidden or self.any(st.integers(0, 9)) == 0 else must.get(character, character)
            # A line that goes on is not followed by blanks of the text itself.
            joins = long and not character.isspace() and self.any(st.integers(0, 9)) == 0
            parts.append(f"\\\n  {written}" if joins else written)
        return f'"""\n{"".join(parts)}"""' if long else f'"{"".join(parts)}"'

    def key(self, name: str, path: KeyPath) -> None:
        self.keys.setdefault(path, len(self.text))
        bare = name.isascii() and name.replace("-", "").replace("_", "x").isalnum() and name != ""
        self.add(name if bare and self.any(st.booleans()) else self.quoted(name, long=False))

    def value(self, value: Any, path: KeyPath, *, lines: bool = True) -> None:
        self.values[path] = len(self.text)
        if isinstance(value, str):
            self.add(self.quoted(value, long=True))
        elif isinstance(value, bool):
            self.add(str(value).lower())
        elif isinstance(value, list):
            self.array(value, path)
        elif isinstance(value, dict):
            self.table(value, path)
        elif isinstance(value, dt.datetime):
            self.add(value.isoformat(sep=self.any(st.sampled_from("T "))))
        else:
            self.add(value.isoformat() if isinstance(value, dt.date) else repr(value))

    def array(self, items: list[Any], path: KeyPath) -> None:
        self.add("[")
        for index, item in enumerate(items):
            self.add(self.any(breaks))
            self.value(item, (*path, index))
            last = index == len(items) - 1
            self.add(self.any(breaks) + ("" if last and self.any(st.booleans()) else ","))
        self.add(self.any(breaks) + "]")

    def table(self, items: dict[str, Any], path: KeyPath) -> None:
        self.add("{" + self.any(gaps))
        for index, (name, item) in enumerate(items.items()):
            self.add(("," if index else "") + self.any(gaps))
            self.pair(name, item, path)
        self.add(self.any(gaps) + "}")

    def pair(self, name: str, value: Any, path: KeyPath) -> None:
        self.key(name, (*path, name))
        self.add(f"{self.any(gaps)}={self.any(gaps)}")
        self.value(value, (*path, name))

    def body(self, items: dict[str, Any], path: KeyPath) -> None:
        for name, value in items.items():
            self.add(self.any(gaps))
            self.pair(name, value, path)
            self.add(self.any(st.sampled_from(["\n", " # a = [\n", "\n\n"])))

    def header(self, parts: list[str], path: KeyPath, brackets: int) -> None:
        self.add(self.any(gaps))
        self.keys.setdefault(path, len(self.text))
        self.add("[" * brackets + self.any(gaps))
        for index, part in enumerate(parts):
            self.add(f"{self.any(gaps)}.{self.any(gaps)}" if index else "")
            start, known = len(self.text), dict(self.keys)
            self.key(part, (*path, "?"))
            self.keys = known
            assert len(self.text) > start
        self.add(self.any(gaps) + "]" * brackets + self.any(st.sampled_from(["\n", " # ]\n"])))


tables = st.dictionaries(names, values, max_size=3)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), root=tables, criteria=st.lists(st.tuples(tables, tables), max_size=3), points=tables)
def test_each_key_and_value_has_its_place(
    data: st.DataObject, root: dict[str, Any], criteria: list[tuple[dict[str, Any], dict[str, Any]]], points: Any
) -> None:
    writer = Writer(data)
    root = {name: value for name, value in root.items() if name not in {"criterion", "x"}}
    writer.body(root, ())
    for number, (table, inner) in enumerate(criteria):
        writer.header(["criterion"], ("criterion", number), 2)
        table.pop("in ner", None)
        writer.body(table, ("criterion", number))
        writer.header(["criterion", "in ner"], ("criterion", number, "in ner"), 1)
        writer.body(inner, ("criterion", number, "in ner"))
    writer.header(["x", "points"], ("x", "points"), 1)
    writer.body(points, ("x", "points"))
    expected: dict[str, Any] = {**root, "x": {"points": points}}
    if criteria:
        expected["criterion"] = [{**table, "in ner": inner} for table, inner in criteria]
    assert tomllib.loads(writer.text) == parse(writer.text) == expected
    places = Places(writer.text, [*writer.keys, *writer.values])
    for path, offset in writer.values.items():
        assert places.of(path) == place(writer.text, offset), path
    for path, offset in writer.keys.items():
        assert places.of(path, key=True) == place(writer.text, offset), path


def place(text: str, offset: int) -> tuple[int, int]:
    lines = text[:offset].split("\n")
    return len(lines), len(lines[-1]) + 1


@settings(max_examples=200, deadline=None)
@given(data=st.data(), text=texts, marked=st.integers(0, 11))
def test_a_place_inside_a_text_is_found_however_the_text_is_written(
    data: st.DataObject, text: str, marked: int
) -> None:
    whole = f"{text[:marked]}§{text[marked:]}".replace("§", "Q", 1) if "Q" not in text else "Q"
    writer = Writer(data)
    writer.body({"a": 1, "when": whole}, ())
    before = whole[: whole.index("Q")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    at = Places(writer.text, [("when",)]).inside(("when",), line, column)
    lines = writer.text.split("\n")
    shown = lines[at[0] - 1][at[1] - 1 :]
    assert shown.startswith(("Q", "\\U00000051", "\\"))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("[]{}=.,\"'\\#\n ab1"), max_size=40))
def test_a_text_that_is_no_toml_is_refused_and_never_stops_the_scan(text: str) -> None:
    assert read(parse, text) == read(tomllib.loads, text)
    assert Places(text, [("a",)]).of(("a",)) >= (1, 1)


def read(reader: Callable[[str], object], text: str) -> object:
    try:
        return reader(text)
    except (tomllib.TOMLDecodeError, UnreadableError):
        return "no TOML"


FOREIGN = """
[[criterion]]
id = "foreign"
title = "Ünit ỹ"
when = "importer_id = 'Ünit ỹ'"
lane = "red"
"""
_PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_what_goes_to_a_file_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "set.toml").write_text(FOREIGN, "utf-8")
    command = [sys.executable, "-m", "workbench.cli", "criteria", "export", "set.toml", "--dialect", "postgres"]
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env={**_PLAIN, "PYTHONPATH": paths}, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert "'Ünit ỹ'" in done.stdout.decode("utf-8")


class Terminal(TextIOWrapper):
    """A terminal of a given encoding."""

    def isatty(self) -> bool:
        return True


def test_a_character_that_a_terminal_lacks_is_shown_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(shown, encoding="latin-1"))
    monkeypatch.setattr(cli, "app", lambda: print("Ünit ỹ", flush=True))
    cli.main()
    assert shown.getvalue() == b"\xdcnit \\u1ef9\n"
