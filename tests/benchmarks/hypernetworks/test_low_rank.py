from benchmarks.hypernetworks import low_rank


def test_parameters_by_hand(monkeypatch):
    monkeypatch.setattr(low_rank, "BACKBONES", {"rlinear": {"d_model": 512}})
    [row] = low_rank.low_rank([4]).to_dict("records")
    bases, inputs, outputs = low_rank.DIM, 512, 96
    assert row["plain network"] == 336 * inputs + inputs + inputs * outputs + outputs
    assert row["dense"] == bases * (inputs * outputs + outputs)
    left, right, bias = bases * outputs * 4, (1 + bases) * inputs * 4, bases * outputs
    assert row["rank 4"] == left + right + bias
