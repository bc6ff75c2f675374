"""Ids of two kinds of vertices, times before ends, tables of vertices: not read as one graph."""

import re
import shlex

import numpy as np
import pytest

from jwi.cli.arguments import parser
from jwi.cli.terminal import read as read_as_told


def read(folder, text, *options, name="graph.csv"):
    """The graph as `jwi info` reads it."""
    path = folder / name
    path.write_text(text)
    return read_as_told(parser().parse_args(["info", str(path), *options]))


def rows_of(ends):
    return "".join(f"{u},{v}\n" for u, v in ends)


IDS = rows_of([(0, 0), (0, 1), (1, 0), (2, 1), (2, 3)])


@pytest.mark.parametrize(
    "header",
    ["userid,artistid", "uid,iid", "drug,target", "protein,ligand", "author_id,paper_id",
     "kunde,artikel", "lncRNA,disease", "A,P", "hyperedge,node", "# user,item"],
)  # fmt: skip
def test_names_of_two_kinds_stop_where_ids_are_on_both_sides(tmp_path, header):
    with pytest.raises(ValueError, match=r"0 is a '.*--bipartite takes .*, --no-bipartite"):
        read(tmp_path, f"{header}\n{IDS}")
    assert len(read(tmp_path, f"{header}\n{IDS}", "--bipartite").content.labels) == 6
    assert len(read(tmp_path, f"{header}\n{IDS}", "--no-bipartite").content.labels) == 4
    # No id is on both sides, so that nothing is in doubt.
    apart = rows_of([(0, 10), (0, 11), (1, 10), (2, 11)])
    assert len(read(tmp_path, f"{header}\n{apart}").edges) == 4


@pytest.mark.parametrize(
    "header",
    ["user,friend", "user_id,follower_id", "paperId,citedPaperId", "id,parent_id", "V1,V2",
     "fromUserId,toUserId", "node_x,node_y", "Person A,Person B", "ORIGIN,DEST", "n1,n2",
     "voter,votee", "Retweeter,Retweeted", "advisor_id,advisee_id", "INODE,JNODE", "stateA,stateB",
     "statea,stateb", "n.id,m.id", "package,dependency", "reporter,partner", "oz,dz",
     "PULocationID,DOLocationID", "level_0,level_1", "0,1,weight", "level_0,level_1,0",
     "white,black", "exporter_id,importer_id", "O,D",
     "numeric_id_1,numeric_id_2", ":START_ID,:END_ID", "entrezgene_A,entrezgene_B"],
)  # fmt: skip
def test_names_of_two_ends_are_one_kind(tmp_path, header):
    text = IDS if header.count(",") < 2 else IDS.replace("\n", ",7\n")
    assert len(read(tmp_path, f"{header}\n{text}").content.labels) == 4


def test_ids_say_themselves_how_many_kinds_they_are(tmp_path):
    rng = np.random.default_rng(0)
    # Users and items, both numbered from 1, without names.
    ratings = np.column_stack([rng.integers(1, 40, 1500), rng.integers(1, 80, 1500)])
    with pytest.raises(ValueError, match=r"meet as often as by chance, .*--bipartite takes them"):
        read(tmp_path, rows_of(ratings))
    assert len(read(tmp_path, rows_of(ratings), "--bipartite").content.labels) == 39 + 79
    # One kind, whose edges join no vertex with itself, under names that say nothing.
    ends = ratings[ratings[:, 0] != ratings[:, 1]]
    file = read(tmp_path, f"eins,zwei\n{rows_of(ends)}")
    assert "'eins' and 'zwei' are taken for one kind of vertices (--bipartite parts them)" in (
        file.notes
    )
    # Few of many numbers, and the same on both sides.
    large = rng.choice(10**6, 20)
    file = read(tmp_path, f"eins,zwei\n{rows_of(zip(large, large[::-1], strict=True))}")
    assert len(file.content.labels) == 20
    # The same number of vertices on both sides, and self-loops, are a random graph.
    ends = rng.integers(0, 40, (600, 2))
    assert len(read(tmp_path, rows_of(ends)).content.labels) == 40
    # The user names the columns: the report says what is taken for one kind.
    file = read(tmp_path, f"uid,iid\n{IDS}", "--columns", "uid,iid")
    assert any("'uid' and 'iid' are taken for one kind" in note for note in file.notes)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Id,Label,Modularity Class\n0,Ann,1\n1,Bob,1\n2,Cy,0\n", "--labels"),
        ("id,age,gender\n1,30,0\n2,25,1\n3,41,0\n", ""),
        ("id,age,gender\n1,3,0\n2,2,1\n3,1,0\n", ""),
        ("name,age,height\nann,34,170\nbob,22,180\ncy,45,165\n", "--labels"),
        ("ann,34,170\nbob,22,180\ncy,45,165\n", "--labels"),
        ("1 34 M\n2 22 F\n3 45 M\n", "--labels"),
        ("ann 34 M\nbob 22 F\ncy 45 M\ndee 1 F\n", "--labels"),
        ("lat1,lon1,lat2,lon2\n48,2,49,3\n49,3,50,4\n", ""),
        ("user,type,rating\n1,5,2\n2,6,3\n", ""),
        ("0 ann\n1 bob\n2 cy\n", "--labels"),
        ("ann\t0\nbob\t1\ncy\t2\n", "--labels"),
        ("node,x,y\n0,0,0\n1,0,1\n2,1,0\n3,1,1\n", ""),
        (",age,gender\n0,30,0\n1,25,1\n2,30,1\n", ""),
        ("node,community\n0,1\n1,1\n2,0\n3,2\n", ""),
    ],
)
def test_tables_of_vertices_stop(tmp_path, text, options):
    with pytest.raises(ValueError, match="as in a table of vertices: pass a file of edges") as why:
        read(tmp_path, text, *shlex.split(options))
    remedy = re.search(r"--columns \d,\d", str(why.value))
    assert len(read(tmp_path, text, *shlex.split(f"{options} {remedy[0]}")).edges) > 0


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("id,name,parent_id\n1,a,0\n2,b,0\n3,c,1\n", 3),
        ("edge,start,end\n1,10,20\n2,20,30\n", 2),
        ("2024-01-01,5,7\n2024-01-02,7,6\n2024-01-03,7,8\n", 3),
    ],
)
def test_tables_of_edges_with_other_columns_are_read(tmp_path, text, edges):
    assert len(read(tmp_path, text).edges) == edges


@pytest.mark.parametrize(
    "text",
    [
        "1 5 9\n1 9 6\n2 6 5\n4 9 5\n",
        "100 20 8\n100 19 10\n180 15 20\n",
        "1999 4 2\n2003 1 3\n2003 2 4\n2010 3 1\n",
        "2 7 2\n2 2 8\n3 3 9\n4 9 2\n",
        "5 7 8 1\n5 8 6 2\n7 6 7 1\n9 6 8 4\n",
    ],
)
def test_short_files_of_times_and_ends_stop(tmp_path, text):
    with pytest.raises(ValueError, match=r"pass --columns 1,2, .*--columns 2,3"):
        read(tmp_path, text, name="a.txt")
    assert "ends: columns 2 and 3" in read(tmp_path, text, "--columns", "2,3").notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "1 2 9\n1 3 4\n2 3 3\n3 4 1\n",
        "1 2 5\n1 3 7\n2 4 7\n3 4 5\n",
        "1 2 2\n1 4 1\n2 3 4\n4 3 1\n",
        "4 1 1082040961\n1 2 1082155839\n2 4 1082414391\n",
    ],
)
def test_short_files_of_ends_and_weights_are_read(tmp_path, text):
    assert "ends: columns 1 and 2" in read(tmp_path, text, name="a.txt").notes[0]


def test_a_time_in_the_third_column_is_no_weight(tmp_path):
    text = "1 2 1082040961\n2 4 1082155839\n4 1 1082414391\n"
    path = tmp_path / "a.txt"
    path.write_text(text)
    arguments = ["prune", str(path), "--weights", "-o", "-", "--keep", "1"]
    with pytest.raises(ValueError, match=r"column 3 .* time, .*--columns 1,2,3"):
        read_as_told(parser().parse_args(arguments))
    file = read_as_told(parser().parse_args([*arguments, "--columns", "1,2,3"]))
    assert file.weights().max() == 1082414391


@pytest.mark.parametrize(
    ("text", "directed", "why"),
    [
        ("source,target,directed\n1,2,True\n2,3,True\n", True, "'directed'"),
        ("source,target,is_directed\n1,2,0\n2,3,0\n", False, "'is_directed'"),
        ("source,target,Edge Type\n1,2,directed\n2,3,directed\n", True, "'Edge Type'"),
        ("source,target,type\n1,2,friend\n2,3,foe\n", False, None),
        ("source,target,type\n1,2,\n2,3,\n", False, None),
    ],
)
def test_columns_of_direction(tmp_path, text, directed, why):
    file = read(tmp_path, text)
    assert file.directed == directed
    assert any(f"by its column {why}" in note for note in file.notes) == (why is not None)


@pytest.mark.parametrize(
    "text",
    [
        "source,target,Type\n1,2,Directed\n2,3,\n",
        "source,target,directed\n1,2,yes\n2,3,no\n",
        "source,target,Type\n" + "1,2,Undirected\n" * 1200 + "2,3,Directed\n",
    ],
)
def test_rows_of_two_directions_stop(tmp_path, text):
    with pytest.raises(ValueError, match="pass --directed or --undirected"):
        read(tmp_path, text)
    assert read(tmp_path, text, "--directed").directed
    assert not read(tmp_path, text, "--undirected").directed


def test_tails_and_heads(tmp_path):
    text = "tail,head\n1,2\n2,3\n"
    assert len(read(tmp_path, text).edges) == 2
    with pytest.raises(ValueError, match="pass --columns 1,2 or --columns 2,1"):
        read(tmp_path, text, "--directed")
    assert read(tmp_path, text, "--directed", "--columns", "1,2").edges.tolist() == [[0, 1], [1, 2]]
    triples = "head,relation,tail\n1,0,2\n2,0,3\n"
    assert read(tmp_path, triples, "--directed").edges.tolist() == [[0, 1], [1, 2]]
