from hyperforecast.nn import ChannelIndex


def test_is_the_number_of_the_channel() -> None:
    context = ChannelIndex(4)
    assert context().tolist() == [0, 1, 2, 3]
    assert context.axis == "channel"
    assert context.static


def test_holds_nothing_to_train_or_to_store() -> None:
    context = ChannelIndex(4)
    assert list(context.parameters()) == []
    assert context.state_dict() == {}
    assert context.double()().tolist() == [0, 1, 2, 3]
