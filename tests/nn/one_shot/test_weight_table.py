import torch

from hyperforecast.nn.contexts import ArchitectureCode
from hyperforecast.nn.generators import DenseGenerator
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.one_shot.weight_table import WeightTable, start_of_table


def test_weights_are_a_places_base_and_bases_mixed_by_network_and_place() -> None:
    context = ArchitectureCode(torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [-1.0]]))
    generator = DenseGenerator(2, 6, 4, bias=False)
    table = WeightTable(torch.randn(2, 4, 3, 2), Term(context, generator))
    for number in range(2):
        for place in range(2):
            vector = context()[2 * number + place]
            expected = table.base[place].clone()
            for entry, basis in zip(vector, generator.weight_bases, strict=True):
                expected = expected + entry * basis.view(4, 3, 2)
            torch.testing.assert_close(table(number)[place], expected)


def test_without_a_term_all_networks_have_the_base() -> None:
    table = WeightTable(torch.randn(3, 5))
    assert table(0) is table(7) is table.base


def test_a_start_has_the_level_of_an_ordinary_one() -> None:
    assert torch.equal(start_of_table((2, 3), 1.0, constant=True), torch.ones(2, 3))
    drawn = start_of_table((100, 100), 0.2, constant=False)
    assert abs(float(drawn.square().mean().sqrt()) - 0.2) < 0.01
