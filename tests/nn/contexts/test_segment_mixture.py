import torch

from hyperforecast.nn import SegmentMixture


def test_shares_sum_to_one_and_start_in_order() -> None:
    shares = SegmentMixture(8, 4)()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(8))
    assert shares.argmax(dim=1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_by_hand() -> None:
    shares = SegmentMixture(3, 2)()
    e = torch.e
    expected = [
        [1 / (1 + 1 / e), 1 / (1 + e)],
        [0.5, 0.5],
        [1 / (1 + e), 1 / (1 + 1 / e)],
    ]
    torch.testing.assert_close(shares, torch.tensor(expected))
    torch.testing.assert_close(SegmentMixture(3, 2, mixing="free")(), shares)


def test_one_expert_has_no_softmax_to_learn() -> None:
    assert SegmentMixture(3, 1)().tolist() == [[1.0]] * 3
    assert not list(SegmentMixture(3, 1).parameters())
    assert SegmentMixture(3, 1).state_dict() == {}
    assert SegmentMixture(3, 1, mixing="free")().tolist() == [[1.0]] * 3


def test_free_shares_are_the_parameter() -> None:
    mixture = SegmentMixture(2, 2, mixing="free")
    shares = torch.tensor([[-1.0, 3.0], [0.5, 2.0]])
    with torch.no_grad():
        mixture.weight.copy_(shares)
    assert torch.equal(mixture(), shares)


def test_logits_move_ten_times_as_fast_as_their_parameter() -> None:
    mixture = SegmentMixture(1, 2)
    with torch.no_grad():
        mixture.weight.copy_(torch.tensor([[0.1, 0.0]]) * torch.tensor(3.0).log())
    torch.testing.assert_close(mixture(), torch.tensor([[0.75, 0.25]]))


def test_is_a_static_vector_for_each_segment() -> None:
    assert SegmentMixture.axis == "segment"
    assert SegmentMixture(3, 2).static
