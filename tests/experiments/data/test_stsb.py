import hashlib
import io
import tarfile

import numpy as np
import pytest

from experiments.data import stsb as loader
from experiments.data.sources import DataUnavailableError
from experiments.data.tokens import encode_pairs, vocabulary

LINE = 'news\tMSR\t2012\t{}\t{}\tHe said "go.\tShe went.\tsource\tsource\n'


def test_quotation_marks_and_sources_do_not_matter():
    scored = loader.parse_scored_pairs(LINE.format(1, 2.5) + LINE.format(2, 5))
    assert scored.pairs == [('He said "go.', "She went.")] * 2
    assert scored.scores.tolist() == [2.5, 5]


def test_other_lines_are_refused():
    with pytest.raises(ValueError, match=r"Line 2 has 3 columns: pass 7 or more"):
        loader.parse_scored_pairs(LINE.format(1, 2.5) + "a\tb\tc")
    with pytest.raises(ValueError, match=r"Line 1 has score 7\.0: pass 0 to 5"):
        loader.parse_scored_pairs(LINE.format(1, 7))


def test_members_are_verified_however_they_are_packed(tmp_path, monkeypatch):
    contents = {
        part: "".join(LINE.format(i, i) for i in range(rows)).encode()
        for part, rows in (("train", 3), ("dev", 2), ("test", 1))
    }
    checksums = {part: hashlib.sha256(text).hexdigest() for part, text in contents.items()}
    path = tmp_path / "stsb" / "Stsbenchmark.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as packed:
        for part, text in contents.items():
            info = tarfile.TarInfo(f"stsbenchmark/sts-{part}.csv")
            info.size = len(text)
            packed.addfile(info, io.BytesIO(text))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(
        DataUnavailableError, match=r"sts-train\.csv in .* as the public data set has"
    ):
        loader.stsb()
    monkeypatch.setattr(loader, "_SHA256", checksums)
    data = loader.stsb()
    assert [len(part.pairs) for part in (data.train, data.validation, data.test)] == [3, 2, 1]


@pytest.mark.public_data
def test_stsb_is_stsb():
    data = loader.stsb()
    assert [len(part.pairs) for part in (data.train, data.validation, data.test)] == [
        5749, 1500, 1379
    ]  # fmt: skip
    assert data.train.pairs[0] == ("A plane is taking off.", "An air plane is taking off.")
    assert np.bincount(np.rint(data.train.scores).astype(int)).tolist() == [
        615, 810, 939, 1322, 1461, 602
    ]  # fmt: skip


def test_pairs_are_tokens_segments_and_a_mask():
    words = vocabulary(["a b", "a c", "a b d"], 7)
    assert list(words) == ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "a", "b", "c"]
    encoded = encode_pairs([("A b", "c x d"), ("a a a a a", "b")], words, 9)
    assert encoded.tokens.tolist() == [[1, 4, 5, 2, 6, 3, 3, 2, 0], [1, 4, 4, 4, 4, 4, 2, 5, 2]]
    assert encoded.segments.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0, 1, 1]]
    assert encoded.mask.sum(axis=1).tolist() == [8, 9]


def test_the_longer_sentence_loses_words():
    words = vocabulary(["a b c d"], 8)
    cut = encode_pairs([("a b c d", "a b"), ("a", "a b c d"), ("a b c", "a b c")], words, 7)
    assert cut.tokens.tolist() == [
        [1, 4, 5, 2, 4, 5, 2], [1, 4, 2, 4, 5, 6, 2], [1, 4, 5, 2, 4, 5, 2]
    ]  # fmt: skip


def test_no_room_is_refused():
    with pytest.raises(ValueError, match=r"size=4: pass more than 4, the number of special tokens"):
        vocabulary(["a"], 4)
    with pytest.raises(ValueError, match="length=4: pass 5 or more"):
        encode_pairs([("a", "b")], vocabulary(["a"], 5), 4)
