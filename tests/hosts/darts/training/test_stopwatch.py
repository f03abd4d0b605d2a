"""Training that ends by a time, by a clock that the tests move."""

from types import SimpleNamespace

import pytest

from hyperforecast.darts.training.stopwatch import Stopwatch
from hyperforecast.nn.exact.choice.late import OutOfTime


class Training:
    """Epochs of five batches of two seconds, and three seconds of validation."""

    def __init__(self, end: float) -> None:
        self.time = 100.0
        self.watch = Stopwatch(end, lambda: self.time)
        strategy = SimpleNamespace(broadcast=lambda value: value)
        self.trainer = SimpleNamespace(num_training_batches=5, strategy=strategy, should_stop=False)

    def run(self) -> int:
        """Train two epochs, and return after how many batches they ended."""
        n_batches = 0
        self.watch.on_train_start(self.trainer, None)
        for _ in range(2):
            for _ in range(5):
                self.time += 2.0
                n_batches += 1
                self.watch.on_train_batch_end(self.trainer)
                if self.trainer.should_stop:
                    break
            self.watch.on_validation_start(self.trainer, None)
            self.time += 3.0
            self.watch.on_validation_end(self.trainer, None)
            if self.trainer.should_stop:
                break
        self.watch.on_train_end(self.trainer, None)
        return n_batches


@pytest.mark.parametrize(
    ("end", "n_batches", "ended", "epoch_seconds"),
    [
        (float("inf"), 10, 126.0, 13.0),
        (100.0, 1, 105.0, 25.0),
        (104.1, 3, 109.0, 15.0),  # what the first validation takes is not known before
        (118.0, 6, 118.0, 15.0),  # what the second takes is
        (118.1, 7, 120.0, 100 / 7),
    ],
)
def test_training_ends_early_enough_for_validation(
    end: float, n_batches: int, ended: float, epoch_seconds: float
) -> None:
    training = Training(end)
    assert training.run() == n_batches
    assert training.watch.ended == ended
    assert training.watch.epoch_seconds == pytest.approx(epoch_seconds)
    assert training.watch.is_cut == (n_batches < 10)


def test_validation_ends_where_it_is_of_no_use() -> None:
    training = Training(float("inf"))
    training.watch.on_validation_batch_end(training.trainer)
    training.watch.is_late = lambda: training.time >= 101.0
    training.watch.on_validation_batch_end(training.trainer)
    training.time = 101.0
    with pytest.raises(OutOfTime):
        training.watch.on_validation_batch_end(training.trainer)
