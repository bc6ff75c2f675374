"""Edge lists as tools write them: which columns are the ends is guessed, said, or asked for."""

import re
import shlex

import numpy as np
import pytest

import jwi
from jwi.cli.arguments import parser
from jwi.cli.terminal import read as read_as_told
from jwi.io import read_graph
from jwi.io.header import ends_of


def read(folder, text, *options, name="graph.csv"):
    """The graph as `jwi info` reads it."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_as_told(parser().parse_args(["info", str(path), *options]))


def edges(file):
    labels = [str(label) for label in file.content.labels]
    return sorted("".join(sorted((labels[u], labels[v]))) for u, v in file.edges.tolist())


PATH = ["57", "67"]  # The path 5 – 7 – 6.
NAMED = ["ab", "bc"]


@pytest.mark.parametrize(
    "text",
    [
        ",src_id,dst_id\n0,5,7\n1,7,6\n",
        ",0,1\n0,5,7\n1,7,6\n",
        "edge_id,from_node,to_node\n1,5,7\n2,7,6\n",
        "Unnamed: 0,id_a,id_b\n3,5,7\n9,7,6\n",
        "Id,Source,Target,Type\n9,5,7,Undirected\n8,7,6,Undirected\n",
        "source,weight,target\n5,1,7\n7,2,6\n",
        "t,i,j\n20,5,7\n40,7,6\n",
        "head,relation,tail\n5,1,7\n7,1,6\n",
        "target;source\n7;5\n6;7\n",
        "FromNodeId\tToNodeId\n5\t7\n7\t6\n",
        "protein1 protein2 combined_score\n5 7 9\n7 6 9\n",
        "user,friend,gamma\n5,7,2\n7,6,2\n",
        "n,origin,dest\n1,5,7\n2,7,6\n",
        "# when from to\n1 5 7\n2 7 6\n",
        "5 -> 7\n7 -> 6\n",
        "5 likes 7 0.5\n7 likes 6 0.5\n",
        "2024-01-01,5,7\n2024-01-02,7,6\n",
        "sep=;\nSource;Target\n5;7\n7;6\n",
        '"sep=,"\r\nSource,Target\r\n5,7\r\n7,6\r\n',
        "5|7\n7|6\n",
        "5\t7\n7 6\n",
        "5 7\t1\n7  6 \t1\n",
        "5 7\r7 6\r",
        "7 2\n5 7\n7 6\n",
        "7 7 2\n5 7\n7 6\n",
        "2\n5 7\n7 6\n",
    ],
)
def test_integers_of_many_tools(tmp_path, text):
    file = read(tmp_path, text)
    assert edges(file) == PATH
    # What is kept is as it was, and all else too.
    file.write(tmp_path / "out.csv", np.ones(2, bool))
    assert (tmp_path / "out.csv").read_bytes() == text.encode()
    assert any(note.startswith("ends: columns ") for note in file.notes)


@pytest.mark.parametrize(
    "text",
    [
        "Protein A,Protein B,score\na,b,.9\nb,c,.8\n",
        "whatever,else,score\na,b,.9\nb,c,.8\n",
        "Node A,Node B\na,b\nb,c\n",
        '"Source","Destination","Label"\n"a","b","x"\n"b","c","y"\n',
        ",x,y\n0,a,b\n1,b,c\n",
        "0,a,b\n1,b,c\n",
        "1.5,a,b\n1.5,b,c\n",
        "a pp b\nb pd c\n",
        "a -- b\nb -- c\n",
        "subject,predicate,object\na,is,b\nb,has,c\n",
        "source_name,source_id,target_name,target_id\na,1,b,2\nb,2,c,3\n",
    ],
)
def test_names_of_many_tools(tmp_path, text):
    assert edges(read(tmp_path, text, "--labels")) == NAMED


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("0 5 7\n1 7 6\n2 5 6\n", ["--columns 1,2", "--columns 1,3", "--columns 2,3"]),
        ("20 5 7\n20 7 6\n40 6 5\n", ["--columns 1,2", "--columns 1,3", "--columns 2,3"]),
        ("5 90 7\n7 91 6\n6 90 5\n", ["--columns 1,2", "--columns 1,3", "--columns 2,3"]),
        ("x 5 7 6\nx 7 6 5\n", ["--columns 2,3", "--columns 2,4", "--columns 3,4"]),
        ("0 5 2\n7 0 6\n3 4 0\n", ["--format dense", "--columns 1,2"]),
        ("user,item\n1,2\n2,3\n", ["--bipartite", "--no-bipartite"]),
    ],
)
def test_doubtful_integers_are_refused_and_every_remedy_is_one(tmp_path, text, options):
    with pytest.raises(ValueError, match=r"graph\.csv") as refused:
        read(tmp_path, text)
    assert (
        re.findall(r"--(?:columns|format) \S+\b|--(?:no-)?bipartite", str(refused.value)) == options
    )
    for option in options:
        assert len(read(tmp_path, text, *shlex.split(option)).edges) > 0


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("hin,her\na,b\nb,c\n", "--header", ["ab", "bc"]),
        ("hin,her\na,b\nb,c\n", "--no-header", ["ab", "bc", "herhin"]),
        ("u,v\na,b\nb,c\n", "--header", ["ab", "bc"]),
        ("from,to\n" + "a,b\n" * 1000 + "b,to\n", "--no-header", ["ab", "bto", "fromto"]),
        ("ann likes bob\ncy likes dee\n", "--columns 1,3", ["annbob", "cydee"]),
        ("a x b\nc x d\n", "--columns 1,2", ["ax", "cx"]),
        ("ann bob\n#ann cy\n", "--comment '#'", ["annbob"]),
        ("ann bob\n#joe cy\n", "--comment ''", ["#joecy", "annbob"]),
        ("ann bob\n#joe cy\n", "--comment '#'", ["annbob"]),
        ("type,from,to\ndirected,a,b\nundirected,b,c\n", "--undirected", ["ab", "bc"]),
    ],
)
def test_doubtful_names_are_refused_and_the_remedy_leads_to_the_graph(
    tmp_path, text, option, found
):
    if "#ann" not in text:
        with pytest.raises(ValueError, match=r"graph\.csv") as refused:
            read(tmp_path, text, "--labels")
        assert option in str(refused.value)
    assert edges(read(tmp_path, text, "--labels", *shlex.split(option))) == found


def test_columns_by_name_and_by_number(tmp_path):
    text = "day,who,whom,much\n1,5,7,.5\n2,7,6,2\n"
    for option in ("who,whom", "2,3", "WHO,whom,much", "whom,who"):
        assert edges(read(tmp_path, text, "--columns", option)) == PATH
    file = read(tmp_path, text, "--columns", "whom,who,much", "--directed")
    assert [(file.content.labels[u], file.content.labels[v]) for u, v in file.edges] == [
        (7, 5),
        (6, 7),
    ]
    np.testing.assert_array_equal(file.content.weights, [0.5, 2])
    weights = read_graph(tmp_path / "graph.csv", columns=("who", "whom"), weights=False)
    assert weights.content.weights is None
    text = "day,who,whom,weight\n1,5,7,.5\n2,7,6,2\n"
    (tmp_path / "graph.csv").write_text(text)
    weighted = read_graph(tmp_path / "graph.csv", columns=("who", "whom"), weights=True)
    np.testing.assert_array_equal(weighted.content.weights, [0.5, 2])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("who,when", "'when', which is no column: the file has 3 columns and 'a', 'a', 'who'"),
        ("1,4", "'4', which is no column"),
        ("a,who", "'a', which is the name of several columns"),
        ("1", "pass the two columns of the ends"),
        ("1,1", "pass the two columns of the ends"),
        ("1,2,3,1", "pass the two columns of the ends"),
    ],
)
def test_columns_that_are_none_are_refused(tmp_path, option, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, "a,a,who\n1,5,7\n2,7,6\n", "--columns", option)


@pytest.mark.parametrize(
    ("text", "directed", "why"),
    [
        (
            "# Directed graph (each pair once): wiki.txt\n1 2\n2 3\n",
            True,
            "its comment '# Directed",
        ),
        ("# Undirected graph: dblp.txt\n1 2\n2 3\n", False, "its comment '# Undirected graph"),
        ("% asym unweighted\n1 2\n2 3\n", True, "its line '% asym unweighted'"),
        ("% sym weighted\n% 2 3 3\n1 2 5\n2 3 1\n", False, "its line '% sym weighted'"),
        ("Source,Target,Type\n1,2,Directed\n2,3,Directed\n", True, "its column 'Type'"),
        ("1 -> 2\n2 -> 3\n", True, "'->' between its ends"),
    ],
)
def test_the_files_own_words_on_direction(tmp_path, text, directed, why):
    file = read(tmp_path, text)
    assert file.directed == directed
    assert why in file.notes[0]
    assert "overrules" not in file.notes[0]
    other = read(tmp_path, text, "--undirected" if directed else "--directed")
    assert other.directed != directed
    assert "overrules" in other.notes[0]
    assert not jwi.is_undirected(read(tmp_path, text, "--directed").graph)


def test_words_that_contradict_each_other_say_nothing(tmp_path):
    file = read(tmp_path, "# an undirected copy\n# of a directed graph\n1 2\n")
    assert not file.directed
    assert file.content.says is None


def test_left_and_right_are_different_vertices(tmp_path):
    text = "% bip weighted\n% 3 2 2\n1 1 5\n1 2 3\n2 1 4\n"
    file = read(tmp_path, text, name="out.ratings")
    assert list(file.content.labels) == ["left:1", "left:2", "right:1", "right:2"]
    assert len(file.edges) == 3
    assert file.num_loops == 0
    assert any("2 vertices on the left and 2 on the right" in note for note in file.notes)
    assert len(read(tmp_path, text, "--no-bipartite", name="out.ratings").content.labels) == 2
    file = read(tmp_path, "userId,movieId\n1,1\n1,2\n", "--bipartite")
    assert list(file.content.labels) == ["left:1", "right:1", "right:2"]
    # Nothing is shared, so nothing is in doubt.
    assert len(read(tmp_path, "userId,movieId\n1,8\n1,9\n").content.labels) == 3


def test_a_file_that_is_cut_short_by_its_own_words(tmp_path):
    with pytest.raises(ValueError, match="has 1 rows and promises 3 in its second line"):
        read(tmp_path, "% bip\n% 3 2 2\n1 1\n")


def test_names_that_begin_with_a_mark(tmp_path):
    text = "# tags\n## of two\n\n#a\t#b\n#b\t%C3%A9\n%C3%A9\t#a\nplain\t#a\n"
    file = read(tmp_path, text, "--labels", name="tags.tsv")
    assert len(file.edges) == 4
    assert file.notes[-1] == "comments skipped: 2 lines that begin with #"
    plain = file.content.labels.index("plain")
    file.write(tmp_path / "out.tsv", (file.edges != plain).all(axis=1))
    assert (tmp_path / "out.tsv").read_text() == text.replace("plain\t#a\n", "")
    # The only use of a name, by the way browsers write it.
    file = read(tmp_path, "Bede\tEire\n%C3%A9\tBede\n", "--labels", name="links.tsv")
    assert len(file.edges) == 2
    # A header behind a mark, and an edge that was put out.
    file = read(tmp_path, "#node1\tnode2\nann\tbob\n#ann\tcy\n", "--labels", name="links.tsv")
    assert len(file.edges) == 1
    assert file.notes[-1] == "comments skipped: 2 lines that begin with #"
    file = read(tmp_path, ";1 2\n3 4\n", "--comment", ";", name="links.txt")
    assert len(file.edges) == 1


def test_a_row_of_sizes_tells_of_vertices_without_edges(tmp_path):
    file = read(tmp_path, "6 3\n0 1\n1 2\n2 3\n")
    assert list(file.content.labels) == [0, 1, 2, 3, 4, 5]
    assert file.notes[-1].startswith("first row: '6 3' is the sizes of the graph")
    assert list(read(tmp_path, "6 3\n1 2\n2 3\n3 6\n").content.labels) == [1, 2, 3, 4, 5, 6]
    # Another number of rows, an id too large, and the user's word: these are edges.
    assert len(read(tmp_path, "6 4\n0 1\n1 2\n2 3\n").edges) == 4
    assert len(read(tmp_path, "3 3\n0 1\n1 2\n2 3\n").content.labels) == 4
    assert len(read(tmp_path, "6 3\n0 1\n1 2\n2 3\n", "--no-header").edges) == 4


@pytest.mark.parametrize(
    "text",
    [
        "0,1,0,0\n1,0,1,0\n0,1,0,0\n0,0,0,0\n",
        "0 .5  0 0\n.5 0 1 0\n0 1 0 0\n0 0 0 0\n",
        ";a;b;c;d\na;0;1;0;0\nb;1;0;1;0\nc;0;1;0;0\nd;0;0;0;0\n",
        "a b c d\na 0 1 0 0\nb 1 0 1 0\nc 0 1 0 0\nd 0 0 0 0\n",
        "a,b,c,d\n0,1,0,0\n1,0,1,0\n0,1,0,0\n0,0,0,0\n",
        ",0,1,2,3\n0,0,1,0,0\n1,1,0,1,0\n2,0,1,0,0\n3,0,0,0,0\n",
    ],
)
def test_dense_matrices(tmp_path, text):
    file = read(tmp_path, text, "--labels")
    assert file.edges.tolist() == [[0, 1], [1, 2]]
    assert "4 rows of 4 numbers, a dense matrix" in file.notes
    file.write(tmp_path / "out.csv", np.array([False, True]))
    back = read(tmp_path, (tmp_path / "out.csv").read_text(), "--format", "dense", "--labels")
    assert back.edges.tolist() == [[1, 2]]
    assert list(back.content.labels) == list(file.content.labels)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_encodings_with_a_byte_order_mark(tmp_path, encoding):
    text = ("" if encoding[-3:] not in ("-le", "-be") else "\ufeff") + "Zoë,Bo\r\nBo,Cy\r\n"
    file = read(tmp_path, text.encode(encoding), "--labels")
    assert list(file.content.labels) == ["Zoë", "Bo", "Cy"]
    file.write(tmp_path / "out.csv", np.array([True, True]))
    assert (tmp_path / "out.csv").read_bytes() == text.encode(encoding)


def test_encodings_by_hand(tmp_path):
    content = "Zoë,Bo\nBo,Cy\n".encode("latin-1")
    with pytest.raises(ValueError, match=r"is not UTF-8: pass its .* --encoding latin-1"):
        read(tmp_path, content, "--labels")
    file = read(tmp_path, content, "--labels", "--encoding", "latin-1")
    assert list(file.content.labels) == ["Zoë", "Bo", "Cy"]
    assert file.notes[0] == "encoding: iso8859-1"
    file.write(tmp_path / "out.csv", np.array([True, True]))
    assert (tmp_path / "out.csv").read_bytes() == content
    with pytest.raises(ValueError, match="--encoding utf-16-le or utf-16-be"):
        read(tmp_path, "a,b\n".encode("utf-16-le"), "--labels")
    assert len(read(tmp_path, "1,2\n".encode("utf-16-le"), "--encoding", "utf-16-le").edges) == 1
    for name in ("base64", "klingon"):
        with pytest.raises(ValueError, match=f"--encoding is '{name}': pass a name that Python"):
            read(tmp_path, "1,2\n", "--encoding", name)
    with pytest.raises(ValueError, match=r"is no text in utf-16-le .*--encoding names another"):
        read(tmp_path, "1,2", "--encoding", "utf-16")


def test_options_without_meaning_are_refused(tmp_path):
    with pytest.raises(ValueError, match="read as adjlist, where --columns has no meaning: leave"):
        read(tmp_path, "1 2\n", "--columns", "1,2", "--format", "adjlist")


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        ("idx,person,contact,weight", (1, 2)),
        ("id,page,next,visits", (1, 2)),
        ("id,contact,weight", (0, 1)),
    ],
)
def test_an_index_beside_a_vertex_and_its_role_is_no_end(names, columns):
    assert ends_of(names.split(",")).columns == columns


def test_blanks_within_quotes_separate_nothing(tmp_path):
    rows = ['"x 3","x 2","15","90","0"', '"x 1","x 5","17","90","1"', '"x 4","x 5","19","91","2"']
    file = read(tmp_path, "\n".join([*rows, '"x 3","x 5","21","91","3"']), "--labels", name="a.txt")
    assert sorted(map(str, file.content.labels)) == [f"x {i}" for i in range(1, 6)]
