"""Files as their usual tools write them are read as they are meant, and without an option."""

import shlex

import pytest

from jwi.cli.arguments import parser
from jwi.cli.terminal import described, reading
from jwi.cli.terminal import read as read_as_told

UNDIRECTED, DIRECTED = "undirected", "directed"
# What wrote it, its name, its text, an option if vertices have names, vertices, edges, direction.
FILES = [
    ("SNAP", "a.txt", "# Directed graph (each unordered pair once): a.txt\n# Nodes: 4 Edges: 4\n"
     "# FromNodeId\tToNodeId\n0\t1\n0\t2\n2\t1\n3\t0\n", "", 4, 4, DIRECTED),
    ("SNAP, undirected", "a.ungraph.txt", "# Undirected graph: a\n# FromNodeId\tToNodeId\n"
     "1\t88160\n1\t118052\n88160\t118052\n", "", 3, 3, UNDIRECTED),
    ("SNAP, temporal", "a.txt", "1 2 1082040961\n3 4 1082155839\n3 1 1082414391\n", "", 4, 3,
     UNDIRECTED),
    ("SNAP, signed, rated", "a.csv", "6,2,4,1289241911.72836\n6,5,2,1289241941.53378\n"
     "1,15,1,1289243140.39049\n4,3,7,1289245277.36975\n13,6,8,1289254254.44746\n", "", 8, 5,
     UNDIRECTED),
    ("SNAP, hyperlinks", "a.tsv", "SOURCE_SUBREDDIT\tTARGET_SUBREDDIT\tPOST_ID\tTIMESTAMP\t"
     "LINK_SENTIMENT\tPROPERTIES\nred\tblue\t1u4nrps\t2013-12-31 16:39:58\t1\t345.0,298.0\n"
     "blue\tgreen\t1u4qkd\t2013-12-31 18:18:37\t-1\t101.0,98.0\n", "--labels", 3, 2, UNDIRECTED),
    ("KONECT", "out.a", "% asym weighted\n% 3 3 3\n1 2 5\n2 3 1\n3 1 1\n", "", 3, 3, DIRECTED),
    ("KONECT, temporal", "out.b", "% sym weighted\n1 2 1 1082040961\n2 3 -1 1082040962\n", "", 3, 2,
     UNDIRECTED),
    ("KONECT, bipartite", "out.c", "% bip unweighted\n1 1\n1 2\n2 1\n", "", 4, 3, UNDIRECTED),
    ("STRING", "a.txt", "protein1 protein2 combined_score\n9606.P1 9606.P2 490\n"
     "9606.P1 9606.P3 900\n", "--labels", 3, 2, UNDIRECTED),
    ("BioGRID", "a.tab3.txt", "#BioGRID Interaction ID\tEntrez Gene Interactor A\t"
     "Entrez Gene Interactor B\tScore\n117\t6416\t2318\t-\n118\t84665\t88\t-\n", "", 4, 2,
     UNDIRECTED),
    ("Gephi", "edges.csv", "Source,Target,Type,Id,Label,timeset,Weight\n"
     "1,2,Undirected,0,,,1.0\n2,3,Undirected,1,,,2.0\n", "", 3, 2, UNDIRECTED),
    ("Gephi, directed", "edges.csv", 'Id,Source,Target,Type,Weight\n"0","ann","bob",Directed,1\n'
     '"1","bob","cy",Directed,1\n', "--labels", 3, 2, DIRECTED),
    ("OGB", "edge.csv", "0,1\n0,3\n2,3\n4,1\n", "", 5, 4, UNDIRECTED),
    ("DGL", "edges.csv", "src_id,dst_id,feat\n0,1,\"0.2, 0.3\"\n1,2,\"0.1, 0.9\"\n", "", 3, 2,
     UNDIRECTED),
    ("networkx", "a.edgelist", "1 2 {}\n2 3 {}\n", "", 3, 2, UNDIRECTED),
    ("networkx, attributes", "a.edgelist", "1 2 {'weight': 3, 'color': 'red'}\n2 3 {'weight': 4}\n",
     "", 3, 2, UNDIRECTED),
    ("networkx, weighted", "a.weighted.edgelist", "a b 3.5\nb c 1\n", "--labels", 3, 2,
     UNDIRECTED),
    ("networkx, adjacency", "a.adjlist", "#a.py\n# GMT Mon Jan  1 2024\n#\n1 2 3\n2 3\n3\n", "",
     3, 3, UNDIRECTED),
    ("igraph, edge list", "a.txt", "0 1\n0 2\n1 2\n", "", 3, 3, UNDIRECTED),
    ("igraph, ncol", "a.txt", "ann bob 0.4\nbob cy 0.7\n", "--labels", 3, 2, UNDIRECTED),
    ("igraph in R", "a.csv", '"","from","to"\n"1","ann","bob"\n"2","bob","cy"\n', "--labels", 3, 2,
     UNDIRECTED),
    ("R, write.table", "a.txt", '"from" "to" "w"\n"1" 5 7 1\n"2" 7 6 2\n', "", 3, 2, UNDIRECTED),
    ("R, matrix", "a.csv", '"","a","b","c"\n"a",0,1,0\n"b",1,0,1\n"c",0,1,0\n', "", 3, 2,
     UNDIRECTED),
    ("Network Repository", "a.edges", "% sym unweighted positive\n2 1\n3 1\n3 2\n", "", 3, 3,
     UNDIRECTED),
    ("Network Repository, weighted", "a.edges", "1 2 0.8\n2 3 0.1\n1 3 0.5\n", "", 3, 3,
     UNDIRECTED),
    ("Network Repository, mtx", "a.mtx", "%%MatrixMarket matrix coordinate pattern symmetric\n"
     "3 3 2\n2 1\n3 2\n", "", 3, 2, UNDIRECTED),
    ("pandas", "a.csv", "source,target\n0,1\n1,2\n", "", 3, 2, UNDIRECTED),
    ("pandas, index", "a.csv", ",source,target,weight\n0,5,7,1\n1,7,6,2\n2,6,5,1\n", "", 3, 3,
     UNDIRECTED),
    ("pandas, no names", "a.csv", ",0,1\n0,5,7\n1,7,6\n", "", 3, 2, UNDIRECTED),
    ("pandas, matrix", "a.csv", ",0,1,2\n0,0,1,0\n1,1,0,1\n2,0,1,0\n", "", 3, 2, UNDIRECTED),
    ("NumPy", "a.txt", "0.000e+00 1.000e+00 0.000e+00\n1.000e+00 0.000e+00 1.000e+00\n"
     "0.000e+00 1.000e+00 0.000e+00\n", "", 3, 2, UNDIRECTED),
    ("Neo4j", "rels.csv", ":START_ID,:END_ID,:TYPE\n1,2,KNOWS\n2,3,KNOWS\n", "", 3, 2, UNDIRECTED),
    ("Neo4j, browser", "export.csv", '"n.name","m.name"\n"ann","bob"\n"bob","cy"\n',
     "--labels --header", 3, 2, UNDIRECTED),
    ("Cytoscape", "a.sif", "YKR pp YDR YAR\nYDR pd YKR\n", "", 3, 2, UNDIRECTED),
    ("MovieLens", "ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n"
     "1,1029,3.0,1260759179\n7,31,3.0,851866703\n", "", 4, 3, UNDIRECTED),
    ("Kaggle, followers", "a.csv", "follower_id,followee_id\n11,12\n12,13\n", "", 3, 2, UNDIRECTED),
    ("Kaggle, friends", "musae.csv", "id_1,id_2\n0,23977\n1,34526\n1,0\n", "", 4, 3, UNDIRECTED),
    ("Flights", "a.csv", "Origin,Dest,Flights\nJFK,LAX,5\nLAX,SFO,3\n", "--labels", 3, 2,
     UNDIRECTED),
    ("Knowledge graph", "train.txt", "/m/1\t/r/a\t/m/2\n/m/2\t/r/b\t/m/3\n/m/3\t/r/a\t/m/1\n",
     "--labels", 3, 3, UNDIRECTED),
    ("Regulation", "a.tsv", "tf\ttarget\teffect\nGAL4\tGAL1\t+\nGAL80\tGAL4\t-\n", "--labels", 3, 2,
     UNDIRECTED),
    ("DIMACS", "a.gr", "c roads\np sp 3 2\na 1 2 803\na 2 3 158\n", "", 3, 2, DIRECTED),
    ("METIS", "a.graph", "3 2\n2\n1 3\n2\n", "", 3, 2, UNDIRECTED),
    ("Contest", "a.txt", "4 3\n1 2\n2 3\n3 4\n", "", 4, 3, UNDIRECTED),
    ("Temporal contacts", "a.dat.txt", "1353303380 1148 1644\n1353303380 1613 1672\n"
     "1353303400 656 682\n", "--columns 2,3", 6, 3, UNDIRECTED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "options", "vertices", "edges", "direction"),
    [file[1:] for file in FILES],
    ids=[file[0] for file in FILES],
)
def test_ordinary_files(tmp_path, name, text, options, vertices, edges, direction):
    path = tmp_path / name
    path.write_text(text)
    file = read_as_told(parser().parse_args(["info", str(path), *shlex.split(options)]))
    assert (len(file.content.labels), len(file.edges)) == (vertices, edges)
    # The first line of the report.
    assert reading(described(file)).startswith(f"{direction}, read as {file.format}")
    if file.format == "edge-list":
        assert any(note.startswith("ends: columns ") for note in file.notes)
