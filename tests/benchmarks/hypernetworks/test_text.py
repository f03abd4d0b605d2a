"""Characters, chunks of them, and what is carried from one to the next."""

import math

import pytest
import torch

from benchmarks.hypernetworks import text
from benchmarks.hypernetworks.text import LAYERS, OTHER, bits, chunks, make_model, nats, train
from hyperforecast.nn import count_parameters


def test_as_many_parameters():
    counts = [count_parameters(make_model(layer)) for layer in LAYERS]
    assert max(counts) / min(counts) <= 1.02


def test_chunks_follow_each_other_and_overlap_by_the_character_that_is_predicted(monkeypatch):
    monkeypatch.setattr(text, "STREAMS", 2)
    monkeypatch.setattr(text, "N_STEPS", 3)
    found = [chunk.tolist() for chunk in chunks(torch.arange(17))]
    assert found == [[[0, 1, 2, 3], [8, 9, 10, 11]], [[3, 4, 5, 6], [11, 12, 13, 14]]]


@pytest.mark.parametrize("layer", LAYERS)
def test_chunk_by_chunk_is_all_at_once(layer):
    model = make_model(layer).eval()
    characters = torch.randint(OTHER, (2, 13))
    whole, _ = nats(model, characters, None)
    first, state = nats(model, characters[:, :7], None)
    second, _ = nats(model, characters[:, 6:], state)
    torch.testing.assert_close((first + second) / 2, whole)


def test_a_model_that_knows_nothing_needs_the_logarithm_of_the_number_of_characters(monkeypatch):
    monkeypatch.setattr(text, "N_STEPS", 5)
    model = make_model("LSTM")
    with torch.no_grad():
        model.scores.weight.zero_()
        model.scores.bias.zero_()
    found = bits(model, torch.randint(OTHER, (32 * 12,)))
    assert found == pytest.approx(math.log2(OTHER + 1), abs=1e-5)


def test_training_stops_after_as_many_updates_as_asked_for(monkeypatch):
    monkeypatch.setattr(text, "N_STEPS", 5)
    updates = []
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: updates.append(1))
    train(make_model("HyperLSTM"), torch.randint(OTHER, (32 * 12,)), 5, 1e-3)
    assert len(updates) == 5


def test_the_standard_library_has_a_few_million_characters():
    characters = text.text()
    assert 2e6 < len(characters) < 2e7
    assert (characters == OTHER).float().mean() < 1e-3
    assert sum(map(len, text.parts(characters))) == len(characters)
