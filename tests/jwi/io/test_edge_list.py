"""Edge lists: every dialect is read, what is kept is unchanged, and bad lines are named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.io import read_graph, read_rows_of_names


def read(tmp_path, text, name="graph.txt", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_graph(path, **options)


def labeled_edges(file):
    labels = list(file.content.labels)
    return [(labels[u], labels[v]) for u, v in jwi.edge_list(file.graph).tolist()]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "1 2\n2 30\n"),
        ("a.txt", "# SNAP\n# From To\n1\t2\n\n  2\t 30"),
        ("a.edges", "% konect\n1 2 5 0.5\n30 2 1 7\n"),
        ("a.csv", "1,2\n2,30\n"),
        ("a.csv", "1, 2\n2 ,30\n"),
        ("a.csv", "source,target,weight\r\n1,2,3\r\n2,30,4\r\n"),
        ("a.csv", '"from";"to"\n"1";"2"\n"2";"30"\n'),
        ("a.csv", "1 2\n2 30\n"),
        ("a.tsv", "u\tv\n1\t2\n2\t30\n"),
        ("a.tsv", "1 2\n2 30\n"),
        ("a.txt", "1,2\n2,30\n"),
        ("a.txt", "\ufeff1 2\n2 30\n"),
        ("a.el", "+1 2 # a comment\n30 2\n"),
    ],
)
def test_dialects_of_integers(tmp_path, name, text):
    file = read(tmp_path, text, name)
    assert list(file.content.labels) == [1, 2, 30]
    assert labeled_edges(file) == [(1, 2), (2, 30)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "ann bob\nbob cy\n"),
        ("a.txt", "ann\tbob\t1\nbob\tcy\t2\n"),
        ("a.txt", "ann,bob\nbob,cy\n"),
        ("a.csv", "Source,Target,Type\nann,bob,x y\ncy,bob,z\n"),
        ("a.csv", 'ann,"bob"\n"bob",cy\n'),
        ("a.csv", "ann;bob\nbob;cy\n"),
        ("a.CSV", "Source,Target,Type\nann,bob,x y\ncy,bob,z\n"),
        ("a.txt", "ann, bob\nbob, cy\n"),
        ("a.txt", "ann; bob; 1\nbob; cy; 2\n"),
        ("a.tsv", "ann\tbob\t1, 2\nbob\tcy\t3, 4\n"),
        # Nothing has as many columns in all rows.
        ("a.txt", "ann bob\nbob cy # or so\n"),
    ],
)
def test_dialects_of_names(tmp_path, name, text):
    file = read(tmp_path, text, name, named=True)
    assert {frozenset(edge) for edge in labeled_edges(file)} == {
        frozenset({"ann", "bob"}),
        frozenset({"bob", "cy"}),
    }


def test_names_with_blanks_separators_and_quotes(tmp_path):
    text = '"Smith, J",Doe é\nDoe é,"a ""b"""\n'
    file = read(tmp_path, text, "a.csv", named=True)
    assert file.content.labels == ["Smith, J", "Doe é", 'a "b"']
    file.write(tmp_path / "b.csv", np.ones(2, bool))
    assert (tmp_path / "b.csv").read_text() == text


def test_a_name_is_the_same_in_quotes_and_without(tmp_path):
    text = 'ann,"bob"\n"ann",bob\nbob,a "b"\n"a ""b""",ann\na ""b"",bob\n'
    file = read(tmp_path, text, "a.csv", named=True)
    assert file.content.labels == ["ann", "bob", 'a "b"', 'a ""b""']
    assert labeled_edges(file) == [
        ("ann", "bob"),
        ("bob", 'a "b"'),
        ("ann", 'a "b"'),
        ("bob", 'a ""b""'),
    ]


@pytest.mark.parametrize(
    ("text", "separator", "labels"),
    [
        ("a b\tc d\n", "tab", ["a b", "c d"]),
        ("a,b\tc,d\ne,f\tg,h\n", "tab", ["a,b", "c,d", "e,f", "g,h"]),
        ("Ann Smith,Bob Jones\n", "comma", ["Ann Smith", "Bob Jones"]),
        ("Smith,J Doe,K\nDoe,K Poe,E\n", "blank", ["Smith,J", "Doe,K", "Poe,E"]),
        (
            "0,Zoe 8,Zoe 0\n5,Zoe 0,Zoe 9\n8,Zoe 1,Zoe 8\n",
            "comma",
            ["Zoe 8", "Zoe 0", "Zoe 9", "Zoe 1"],
        ),
        ("Smith,J; Doe,K\n", "semicolon", ["Smith,J", "Doe,K"]),
        ("from,to\nAnn Smith,Bob\nCy,Dee\n", "comma", ["Ann Smith", "Bob", "Cy", "Dee"]),
        ('"Smith, J" "Doe, K"\n', "blank", ["Smith, J", "Doe, K"]),
        ("a b\n" * 99 + "c,d e\n", "blank", ["a", "b", "c,d", "e"]),
    ],
)
def test_separators_of_names(tmp_path, text, separator, labels):
    file = read(tmp_path, text, named=True)
    assert (file.content.separator, file.content.labels) == (separator, labels)


@pytest.mark.parametrize("text", ["Smith,J Doe,K\n", "Zoe 1,0,1990,Zoe 7\nZoe 9,1,1991,Zoe 8\n"])
def test_commas_and_blanks_between_names_are_asked_for(tmp_path, text):
    with pytest.raises(ValueError, match=r"by commas.* by blanks.*pass --separator comma or"):
        read(tmp_path, text, named=True)
    by_blanks = read(tmp_path, text, named=True, separator="blank")
    by_commas = read(tmp_path, text, named=True, separator="comma", columns=(1, 2))
    assert by_blanks.content.labels != by_commas.content.labels


@pytest.mark.parametrize(
    ("text", "row"),
    [("links\n3\n9\n", "2: '3'"), ("links\nann\n", "1: 'links'"), ("a\n1,2\n7\n", "3: '7'")],
)
def test_rows_of_one_column_below_one_name_are_refused(tmp_path, text, row):
    with pytest.raises(ValueError, match=f"line {row} has one column and not two"):
        read(tmp_path, text, named=True, separator="comma")


def test_the_separator_that_is_asked_for_also_tells_names_from_comments(tmp_path):
    text = "#Zoe 1,0,1990,Zoe 7\n#Zoe 9,1,1991,Zoe 8\n#Zoe 9,2,1992,#Zoe 1\n#Zoe 1,3,1992,Zoe 8\n"
    file = read(tmp_path, text, named=True, separator="comma", columns=(1, 4))
    assert file.content.labels == ["#Zoe 1", "Zoe 7", "#Zoe 9", "Zoe 8"]


def test_rows_of_two_names_are_cut_into_two(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("Smith,J Doe,K\n")
    assert read_rows_of_names(path).labels == ["Smith,J", "Doe,K"]


def test_rows_of_names_and_sets_have_no_header(tmp_path):
    path = tmp_path / "sets.txt"
    path.write_text("u, left\nAnn Smith, right\n")
    assert read_rows_of_names(path).labels == ["u", "left", "Ann Smith", "right"]
    path.write_text("# nothing\n")
    with pytest.raises(ValueError, match=r"has no rows: pass one of a vertex and the name of its"):
        read_rows_of_names(path)


def test_angle_brackets_alone_are_no_xml(tmp_path):
    file = read(tmp_path, "<a> <b> .\n<b> <c> .\n", named=True)
    assert labeled_edges(file) == [("<a>", "<b>"), ("<b>", "<c>")]


def test_separator_and_header_by_hand(tmp_path):
    file = read(tmp_path, "a b\nc d\n", named=True, header=True)
    assert labeled_edges(file) == [("c", "d")]
    assert file.notes == ("header: a, b", "ends: columns 'a' and 'b'; weights: not used")
    file = read(tmp_path, "from to\nc d\n", named=True, header=False)
    assert len(labeled_edges(file)) == 2
    file = read(tmp_path, "a,b c,d\n", named=True, separator="blank")
    assert labeled_edges(file) == [("a,b", "c,d")]


def test_kept_rows_comments_and_ends_of_lines_are_unchanged(tmp_path):
    text = (
        b"\xef\xbb\xbf# title\r\nsource,target,w\r\n5, 7 ,0.50\r\n7,7,loop\r\n% note\r\n"
        b'7,5,again\r\n\r\n9,"7",1e3\r\n5,9,last'
    )
    file = read(tmp_path, text, "a.csv")
    assert (file.num_loops, file.num_repeats) == (1, 1)
    assert labeled_edges(file) == [(5, 7), (7, 9), (5, 9)]
    out = tmp_path / "out.csv"
    file.write(out, np.array([True, True, True]))
    assert out.read_bytes() == text
    # Both entries of the first edge go; the self-loop stays.
    file.write(out, np.array([False, False, True]))
    assert out.read_bytes() == (
        b"\xef\xbb\xbf# title\r\nsource,target,w\r\n7,7,loop\r\n% note\r\n\r\n5,9,last"
    )


ROWS = st.lists(st.tuples(*[st.integers(-(10**17), 10**17) | st.integers(0, 5)] * 2), min_size=1)
NAMES = st.text(st.sampled_from("ab\"',;é ─"), min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(ROWS, st.sampled_from([" ", ",", ";", "\t", "  \t"]), st.data())
def test_any_integers_there_and_back(tmp_path_factory, rows, separator, data):
    folder = tmp_path_factory.mktemp("rows")
    lines = [f"{u}{separator}{v}\n" for u, v in rows]
    file = read(folder, "".join(lines), header=False)
    labels = np.asarray(file.content.labels)
    np.testing.assert_array_equal(labels, sorted({end for row in rows for end in row}))
    read_back = zip(labels[file.content.senders], labels[file.content.receivers], strict=True)
    assert list(read_back) == rows
    keep = np.array([data.draw(st.booleans()) for _ in labeled_edges(file)], bool)
    file.write(folder / "out.txt", keep)
    gone = {frozenset(edge) for edge, k in zip(labeled_edges(file), keep, strict=True) if not k}
    expected = [line for line, row in zip(lines, rows, strict=True) if frozenset(row) not in gone]
    assert (folder / "out.txt").read_text() == "".join(expected)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=12))
def test_any_names_in_quotes(tmp_path_factory, rows):
    quoted = [[name.replace('"', '""') for name in row] for row in rows]
    rows = [list(row) for row in rows]
    text = "".join(f'"{u}","{v}",0\n' for u, v in quoted)
    options = {"named": True, "header": False, "format": "edge-list"}
    file = read(tmp_path_factory.mktemp("names"), text, "a.csv", **options)
    assert file.content.labels == list(dict.fromkeys(name for row in rows for name in row))
    names = [
        [file.content.labels[vertex] for vertex in ends]
        for ends in zip(file.content.senders, file.content.receivers, strict=True)
    ]
    assert names == rows


def test_many_names_are_told_apart(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2000, (5000, 2)).tolist()
    file = read(tmp_path, "".join(f"v{u} v{v}\n" for u, v in rows), named=True)
    labels = file.content.labels
    assert labels == list(dict.fromkeys(f"v{end}" for row in rows for end in row))
    assert [labels[u] for u in file.content.senders] == [f"v{u}" for u, _ in rows]
    assert [labels[v] for v in file.content.receivers] == [f"v{v}" for _, v in rows]


def test_rows_of_many_lengths_are_noted_or_refused(tmp_path):
    note = read(tmp_path, "1 2 .3\n2 3\n").notes[-1]
    assert note == "rows have 2 to 3 columns (for lists of neighbors: --format adjlist)"
    with pytest.raises(ValueError, match="has rows of 2 to 3 integers: --format adjlist takes"):
        read(tmp_path, "1 2 3\n2 3\n")
    # Both remedies.
    assert labeled_edges(read(tmp_path, "1 2 3\n2 3\n", columns=(1, 2))) == [(1, 2), (2, 3)]
    assert read(tmp_path, "1 2 3\n2 3\n", format="adjlist").edge_of_entry.size == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n3\n", "graph.txt, line 2: '3' has one column and not two: between"),
        ("# c\n\n1 2\nann bob\n", "line 4: 'ann' is not an integer: --labels takes names"),
        ("ann bob\nbob cy\n", "line 2: 'bob' is not an integer: --labels takes names"),
        ("from,to,since\nann,bob,1\n", "2: 'ann' is not an integer: --labels takes .*; between"),
        ("ann,bob,1\n", "graph.txt has no edges: .*; 'ann,bob,1' was taken for names of columns"),
        ("A file, of prose.\n", "'A file, of prose.' was taken for names of columns: --no-header"),
        ("1 2\n3 4.5\n", "line 2: '4.5' is not an integer"),
        ("1 2\n3 \x1b[31mred\n", r"line 2: '\[31mred' is not an integer"),
        ("1,2\n3,\n", "line 2: '' is not an integer"),
        ("1 2\n3 1234567890123456789\n", "line 2: 1234567890123456789 has more than 18 digits"),
        ('1 2\n"3 4\n', "line 2: '\"3 4' has a quote that is not closed"),
        ("", "graph.txt has no edges: pass a row of two vertices"),
        ("# nothing\n", "graph.txt has no edges"),
        ("source target\n", "graph.txt has no edges"),
        ("\ufeff\n<?xml version='1.0'?>\n", "graph.txt is XML: name it .graphml"),
        (b"\x1f\x8b\x08", r"graph.txt cannot be decompressed \(.*\): fetch it again"),
        (b"\x00\x01", "graph.txt is not text"),
    ],
)
def test_bad_rows_are_refused_with_their_place(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "bob,cy\nann,,2\n", "line 2: 'ann,,2' has no name in column 2: pass one"),
        ("a.csv", "bob,cy\n,ann\n", "line 2: ',ann' has no name in column 1: pass one"),
        ("a.csv", 'bob,cy\nann,""\n', "line 2: 'ann,\"\"' has no name in column 2"),
        ("a.tsv", "bob\tcy\n\tann\t2\n", "line 2: 'ann 2' has no name in column 1"),
    ],
)
def test_rows_without_a_name_are_refused(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text, name, named=True)


def test_names_that_are_not_utf8_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"line 2: b'b\\xe9' is not UTF-8: pass its encoding"):
        read(tmp_path, b"a b\nb\xe9 a\n", named=True)


def test_long_lines_are_shortened_in_messages(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: 'x{57}…' is not an integer"):
        read(tmp_path, "x" * 1000)
