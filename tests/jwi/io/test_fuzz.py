"""Files as any tool might write them: each gives the graph that was written, or a message."""

import io
import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from jwi.io.content import Source
from jwi.io.formats import FORMATS, reader
from jwi.io.options import Options

SAMPLE, ALL = 100, 10_000
ENDS = [("source", "target"), ("from", "to"), ("Node A", "Node B"), ("protein1", "protein2"),
        ("FromNodeId", "ToNodeId"), ("src_id", "dst_id"), ("u", "v"), ("von", "nach"),
        ("uid", "iid"), ("drug", "target"), ("user", "friend")]  # fmt: skip
# Columns beside the ends: how they are called, and what is in row i.
EXTRAS = {
    "weight": lambda rng, i: f"{rng.random():.3f}",
    "timestamp": lambda rng, i: str(1_500_000_000 + 20 * i),
    "edge_id": lambda rng, i: str(100 + i),
    "": lambda rng, i: str(i),
    "year": lambda rng, i: str(1990 + i // 2),
    "kind": lambda rng, i: "friend",
    "score": lambda rng, i: str(rng.integers(1000, 2000)),
}
NAMES = ["v{}", "9606.P{}", "%C3%{:02d}x", "#tag{}", "Zoë {}", "{}"]


def random_graph(rng):
    """Edges of 4 to 12 vertices, without self-loops, each once."""
    n = int(rng.integers(4, 13))
    pairs = [(i, j) for i in range(n) for j in range(i)]
    chosen = rng.permutation(len(pairs))[: int(rng.integers(4, min(20, len(pairs) + 1)))]
    edges = [pairs[i] if rng.random() < 0.5 else pairs[i][::-1] for i in chosen]
    return n, edges


def edge_list(rng, n, edges):
    """A table of edges, or a matrix, how it is called, and what is to be said of it."""
    if rng.random() < 0.1:
        return dense(rng, n, edges, sums=True)
    named = rng.random() < 0.5
    pattern = str(rng.choice(NAMES)) if named else "{}"
    first = int(rng.choice([0, 1, 50, 10**6]))
    label = [pattern.format(first + vertex) for vertex in range(n)]
    separators = [",", ";", "\t", "|"] + ([" "] if " " not in label[0] else [])
    separator = str(rng.choice(separators))
    extras = [str(name) for name in rng.permutation(list(EXTRAS))[: rng.integers(0, 4)]]
    head = list(ENDS[rng.integers(len(ENDS))])
    order = rng.permutation(2 + len(extras)).tolist()
    if rng.random() < 0.5:
        # Mostly, the ends are first.
        order = list(range(2 + len(extras)))
    rows = [[label[u], label[v], *(EXTRAS[name](rng, i) for name in extras)]
            for i, (u, v) in enumerate(edges)]  # fmt: skip
    header = rng.random() < 0.5
    if not header:
        # Without a header nothing tells other integers from ends where no two ends are the same.
        order = sorted(order, key=lambda place: place > 1 and extras[place - 2] == "score")
    if header:
        names = head + extras
        # A tool that knows blanks alone writes no empty name.
        rows.insert(0, [name.replace(" ", "_") or "index" for name in names]
                    if separator == " " else names)  # fmt: skip
    quote = '"' if rng.random() < 0.2 else ""
    lines = [separator.join(quote + row[place] + quote for place in order) for row in rows]
    comments = [["# made by hand"], ["% of a tool", "%", "## more"], []][rng.integers(3)]
    end = str(rng.choice(["\n", "\r\n"]))
    text = end.join([*comments, *lines]) + (end if rng.random() < 0.8 else "")
    encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
    suffix = {",": ".csv", ";": ".csv", "\t": ".tsv"}.get(separator, ".txt")
    suffix = ".txt" if rng.random() < 0.3 else suffix
    return text.encode(encoding), suffix, Options(named=named), label


def dense(rng, n, edges, sums=False):
    """A matrix with names or without, and maybe with a row and a column of sums."""
    matrix = np.zeros((n, n), int)
    for u, v in edges:
        matrix[u, v] = matrix[v, u] = rng.integers(1, 3)
    separator, names = str(rng.choice([",", ";", "\t", " "])), [f"v{i}" for i in range(n)]
    if sums:
        named = str(rng.choice(["Total", "sum", "All"]))
        matrix = np.column_stack([matrix, matrix.sum(axis=1)]) if rng.random() < 0.7 else matrix
        matrix = np.vstack([matrix, matrix.sum(axis=0)]) if rng.random() < 0.7 else matrix
    sides, heads = ([*names, named][:size] if sums else names for size in matrix.shape)
    rows = [list(map(str, row)) for row in matrix]
    labeled = rng.random() < 0.5
    if labeled:
        corner = [] if separator == " " else [""]
        rows = [corner + heads, *([name, *row] for name, row in zip(sides, rows, strict=True))]
    text = "".join(separator.join(row) + "\n" for row in rows)
    labels = names if labeled else list(range(n))
    return text.encode(), ".txt", Options(named=labeled), labels


def network(n, edges):
    graph = nx.Graph()
    graph.add_nodes_from(map(str, range(n)))
    graph.add_edges_from((str(u), str(v)) for u, v in edges)
    return graph


def by_networkx(write):
    def made(rng, n, edges):
        held = io.BytesIO()
        write(network(n, edges), held)
        return held.getvalue(), "", Options(), list(map(str, range(n)))

    return made


def lines_of(rng, head, rows, comment):
    """Rows in any order, with comments and blanks between."""
    rows = [rows[i] for i in rng.permutation(len(rows))]
    rows.insert(int(rng.integers(len(rows) + 1)), comment)
    blank = str(rng.choice([" ", "  ", "\t"]))
    end = str(rng.choice(["\n", "\r\n"]))
    return (end.join([*head, *(row.replace(" ", blank) for row in rows)]) + end).encode()


def dimacs(rng, n, edges):
    rows = [f"e {u + 1} {v + 1}" for u, v in edges]
    head = ["c a comment", f"p {rng.choice(['edge', 'col'])} {n} {len(edges)}"]
    return lines_of(rng, head, rows, "c more"), ".col", Options(), list(range(1, n + 1))


def matrix_market(rng, n, edges):
    rows = [f"{max(u, v) + 1} {min(u, v) + 1}" for u, v in edges]
    head = ["%%MatrixMarket matrix coordinate pattern symmetric", f"{n} {n} {len(edges)}"]
    return lines_of(rng, head, rows, "% more"), ".mtx", Options(), list(range(1, n + 1))


def pajek(rng, n, edges):
    listed = [f'{v + 1} "{v + 1}"' for v in range(n) if rng.random() < 0.5]
    head = [f"*Vertices {n}", *listed, str(rng.choice(["*Edges", "*edges", "*Edgeslist"]))]
    rows = [f"{u + 1} {v + 1}" for u, v in edges]
    return lines_of(rng, head, rows, "% more"), ".net", Options(), list(range(1, n + 1))


def metis(rng, n, edges):
    near = [sorted({v for e in edges for v in e if u in e and v != u}) for u in range(n)]
    weighted = rng.random() < 0.5
    rows = [" ".join(f"{v + 1} 7" if weighted else str(v + 1) for v in vs) for vs in near]
    head = f"{n} {len(edges)}{' 1' if weighted else ''}"
    text = "\n".join(["% a comment", head, *rows]) + "\n"
    return text.encode(), ".graph", Options(), list(range(1, n + 1))


def sif(rng, n, edges):
    mark = str(rng.choice([" ", "\t"]))
    rows = [mark.join([f"v{u}", "pp", f"v{v}"]) for u, v in edges]
    rows += [f"v{u}" for u in range(n)]
    return "\n".join(rows).encode(), ".sif", Options(), [f"v{u}" for u in range(n)]


def dot(rng, n, edges):
    rows = [f'{u} -- "{v}" [weight={i}];' for i, (u, v) in enumerate(edges)]
    cut = int(rng.integers(len(rows)))
    text = "\n".join(["/* made */ graph {", *rows[:cut], "subgraph s {", *rows[cut:], "}", "}"])
    return text.encode(), ".dot", Options(), list(range(n))


def json_graph(rng, n, edges):
    key = str(rng.choice(["links", "edges"]))
    held = nx.node_link_data(network(n, edges), edges=key)
    keys = [str(name) for name in rng.permutation(list(held))]
    text = json.dumps({name: held[name] for name in keys}, indent=int(rng.integers(3)))
    return text.encode(), ".json", Options(), list(map(str, range(n)))


def arrays(rng, n, edges):
    held = io.BytesIO()
    matrix = nx.to_scipy_sparse_array(network(n, edges), format="csr")
    if rng.random() < 0.5:
        np.savez(held, adj_data=matrix.data, adj_indices=matrix.indices, adj_indptr=matrix.indptr,
                 adj_shape=matrix.shape, labels=np.arange(n))  # fmt: skip
    else:
        scipy.sparse.save_npz(held, matrix.asformat(str(rng.choice(["csr", "coo", "csc"]))))
    return held.getvalue(), ".npz", Options(), list(range(n))


def matlab(rng, n, edges):
    held = io.BytesIO()
    matrix = nx.to_scipy_sparse_array(network(n, edges), format="csc", dtype=float)
    matrix = matrix if rng.random() < 0.5 else matrix.toarray()
    held_in = {"A": matrix} if rng.random() < 0.5 else {"Problem": {"A": matrix, "name": "x"}}
    scipy.io.savemat(held, held_in, do_compression=bool(rng.random() < 0.5))
    return held.getvalue(), ".mat", Options(), list(range(n))


def array(rng, n, edges):
    held = io.BytesIO()
    pairs = np.array(edges)
    whole = nx.to_numpy_array(network(n, edges))
    np.save(held, whole if rng.random() < 0.5 else pairs if rng.random() < 0.5 else pairs.T)
    return held.getvalue(), ".npy", Options(), list(range(n))


def parquet(rng, n, edges):
    pattern, head = str(rng.choice(["{}", "v{}"])), ENDS[rng.integers(len(ENDS))]
    label = [pattern.format(v) if "v" in pattern else v for v in range(n)]
    columns = {name: [label[edge[side]] for edge in edges] for side, name in enumerate(head)}
    columns["weight"] = rng.random(len(edges)).tolist()
    names, held = [str(name) for name in rng.permutation(list(columns))], io.BytesIO()
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({name: columns[name] for name in names})
    pytest.importorskip("pyarrow.parquet").write_table(table, held)
    return held.getvalue(), ".parquet", Options(), label


def packed(write):
    def made(rng, n, edges):
        held = io.BytesIO()
        write(nx.convert_node_labels_to_integers(network(n, edges)), held)
        return held.getvalue(), "", Options(), list(range(n))

    return made


def write_adjlist(graph, held):
    held.write("\n".join(nx.generate_adjlist(graph)).encode())


MAKERS = {
    "edge-list": edge_list, "dense": dense, "sif": sif, "dimacs": dimacs, "metis": metis,
    "npz": arrays, "npy": array,
    "parquet": parquet, "mtx": matrix_market, "mat": matlab, "pajek": pajek, "dot": dot,
    "json": json_graph, "graphml": by_networkx(nx.write_graphml),
    "gexf": by_networkx(nx.write_gexf), "gml": by_networkx(nx.write_gml),
    "adjlist": by_networkx(write_adjlist), "graph6": packed(nx.write_graph6),
    "sparse6": packed(nx.write_sparse6),
}  # fmt: skip


def pairs_of(content):
    labels = list(content.labels)
    ends = zip(content.senders.tolist(), content.receivers.tolist(), strict=True)
    return {frozenset((str(labels[u]), str(labels[v]))) for u, v in ends}


def count_equal(name, count, seed):
    """How many variants of a format give the graph; all others give a message."""
    rng, read, equal = np.random.default_rng(seed), reader(name), 0
    for _ in range(count):
        n, edges = random_graph(rng)
        content, suffix, options, labels = MAKERS[name](rng, n, edges)
        path = Path(f"a{suffix or FORMATS[name].suffixes[0]}")
        try:
            held = read(Source(path, name, content, options))
            found = pairs_of(held)
        except ValueError:
            continue
        if any("is the sizes of the graph" in note for note in held.notes):
            # The first edge is (n, m) by chance, and the report says so.
            continue
        assert found == {frozenset((str(labels[u]), str(labels[v]))) for u, v in edges}, content
        equal += 1
    return equal


def count_broken(name, count, seed):
    """How many broken files are read still; all others give a message, and no other error."""
    rng, read, still = np.random.default_rng(seed), reader(name), 0
    for _ in range(count):
        content, suffix, options, _ = MAKERS[name](rng, *random_graph(rng))
        broken = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            # Short files may be gone by now.
            place = int(rng.integers(max(1, len(broken))))
            kind = rng.integers(4)
            if kind == 0 and broken:
                broken[place] = rng.integers(256)
            elif kind == 1 and broken:
                broken[place] ^= 1 << int(rng.integers(8))
            elif kind == 2:
                del broken[place : place + int(rng.integers(1, 9))]
            else:
                broken[place:place] = broken[max(0, place - 5) : place]
        path = Path(f"a{suffix or FORMATS[name].suffixes[0]}")
        try:
            read(Source(path, name, bytes(broken), options))
            still += 1
        except ValueError:
            continue
    return still


def test_every_format_has_a_maker():
    assert MAKERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", MAKERS)
def test_variants_give_the_graph_or_a_message(name):
    # Most of them the graph: else nothing would be read.
    assert count_equal(name, SAMPLE, 0) > 0.6 * SAMPLE


@pytest.mark.parametrize("name", MAKERS)
def test_broken_files_give_a_graph_or_a_message(name):
    assert count_broken(name, SAMPLE, 0) < SAMPLE


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_many_variants_give_the_graph_or_a_message(name):
    assert count_equal(name, ALL, 1) > 0.6 * ALL
    assert count_broken(name, ALL, 1) < ALL
