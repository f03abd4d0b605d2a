"""What of a Darts model takes in channels and series that it was not trained on."""

import functools
from abc import ABC
from collections.abc import Callable
from typing import Any, Self

from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.typing import TimeSeriesLike
from darts.utils.ts_utils import series2seq

from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.newcomers.added_channels import (
    check_is_trained,
    encoder_of_channels,
    with_added_channels,
)
from hyperforecast.darts.newcomers.added_series import encoder_of_series, with_added_series
from hyperforecast.darts.training.random_turns import random_turn
from hyperforecast.nn.exact import ExactSolution
from hyperforecast.nn.newcomers import Adaptation


class TakesNewcomers(TorchForecastingModel, ABC):
    """What of a Darts model takes in channels and series that it was not trained on."""

    model: ForecastingModule | None
    _solution: ExactSolution | None

    def add_channels(
        self,
        series: TimeSeriesLike,
        past_covariates: TimeSeriesLike | None = None,
        future_covariates: TimeSeriesLike | None = None,
        adaptation: Adaptation = "solve",
    ) -> Self:
        """Add channels to the trained model; its weights stay, and so do the others' forecasts.

        What belongs to a channel (a vector, gates, a head of its own) is solved for on the new
        channel's rows, all else held still: see
        :class:`~hyperforecast.nn.newcomers.ChannelSolver`. Without rows it is what serves all
        channels trained on together. Means and deviations of training are those of the new
        channel's rows. It enters no common factor.

        From then on the model forecasts the channels trained on and those added together, in any
        order. :meth:`predict` also takes series without some or all of those added. Adding a
        channel again, with more rows, replaces it. :meth:`fit` trains all of them.

        Parameters
        ----------
        series : TimeSeries or sequence of TimeSeries
            Rows of channels with new names, of any length. Several series with the same name are
            rows of one channel. Missing values before a channel's first row may stay; one without
            any value has no rows. Channels that were trained on may be among them, and have to be
            where common factors enter the forecasts.
        past_covariates, future_covariates : TimeSeries or sequence of TimeSeries, optional
            As to :meth:`fit`.
        adaptation : {"solve", "encoder", "fine-tune"}, default="solve"
            How what is its own is found: ``"solve"`` pools what is trained by how well its weights
            forecast the rows, ``"encoder"`` reads them in one pass, see :meth:`fit_encoder`, and
            ``"fine-tune"`` takes up to 20 steps along gradients.

        Returns
        -------
        HyperforecastModel
            This model.

        Raises
        ------
        ValueError
            If the model is not trained, no name is new, or a channel's forecast depends on which
            other channels there are.
        """
        return self._add(
            functools.partial(with_added_channels, adaptation=adaptation),
            series,
            past_covariates,
            future_covariates,
        )

    def add_series(
        self,
        series: TimeSeriesLike,
        past_covariates: TimeSeriesLike | None = None,
        future_covariates: TimeSeriesLike | None = None,
        adaptation: Adaptation = "solve",
    ) -> Self:
        """Add series to the trained model, where weights are by series; those of others stay.

        What belongs to a series is solved for on its own rows, all else held still: see
        :class:`~hyperforecast.nn.newcomers.ChannelSolver`. Where static covariates generate
        weights, what they say of the new series is where it begins. With a single row it has these
        weights, or those that serve all series trained on together. Its units are those of the
        rows, and while these are fewer than a lookback those of what is given to forecast it.
        Adding a series again, with more rows, replaces it.

        Parameters
        ----------
        series : TimeSeries or sequence of TimeSeries
            Rows of series that were not trained on, of any lengths, with the model's components and
            static covariates. Several with the same name are stretches of one.
        past_covariates, future_covariates : TimeSeries or sequence of TimeSeries, optional
            As to :meth:`fit`.
        adaptation : {"solve", "encoder", "fine-tune"}, default="solve"
            How what is its own is found: ``"solve"`` pools what is trained by how well its weights
            forecast the rows, ``"encoder"`` reads them in one pass, see :meth:`fit_encoder`, and
            ``"fine-tune"`` takes up to 20 steps along gradients.

        Returns
        -------
        HyperforecastModel
            This model.

        Raises
        ------
        ValueError
            If the model is not trained, weights are by channel, a series was trained on, or a
            series' weights cannot be solved for by themselves.
        """
        return self._add(
            functools.partial(with_added_series, adaptation=adaptation),
            series,
            past_covariates,
            future_covariates,
        )

    def fit_encoder(
        self,
        series: TimeSeriesLike,
        past_covariates: TimeSeriesLike | None = None,
        future_covariates: TimeSeriesLike | None = None,
    ) -> Self:
        """Train an encoder that reads the rows of newcomers, for ``adaptation="encoder"``.

        Channels or series that were trained on play newcomers: stretches of any length are cut out
        of their rows, and the encoder learns which weights forecast what comes behind. So it knows
        what a short history says, and how little. A fifth of them after the other is left out, and
        newcomers follow what it says as far as serves those that are; where that is not at all, a
        warning says so. Weights and forecasts stay as they are. It is saved with the model, and
        forgotten when that is trained again. See
        :class:`~hyperforecast.nn.newcomers.HistoryEncoder`.

        Parameters
        ----------
        series : TimeSeries or sequence of TimeSeries
            Rows of what was trained on: all channels, or where weights are by series as many of the
            series as there are.
        past_covariates, future_covariates : TimeSeries or sequence of TimeSeries, optional
            As to :meth:`fit`.

        Returns
        -------
        HyperforecastModel
            This model.

        Raises
        ------
        ValueError
            If the model is not trained, newcomers cannot be added to it, or fewer than eight
            channels or series are given with rows enough (32 where forecasts are not linear in
            what belongs to them).
        """
        check_is_trained(self)
        assert self.model is not None
        by_series = self.model.network.weights_by != "channel"
        train = encoder_of_series if by_series else encoder_of_channels
        beside = [
            None if one is None else series2seq(one) for one in (past_covariates, future_covariates)
        ]
        with random_turn():
            self.model.encoder_state = train(self, series2seq(series), *beside).state()
        return self

    @property
    def has_encoder(self) -> bool:
        """Whether :meth:`fit_encoder` was called since the model was trained."""
        return self.model is not None and self.model.encoder_state is not None

    def _add(self, with_added: Callable[..., Any], *given: TimeSeriesLike | None) -> Self:
        """Become the model that has more channels or series, of which rows are given."""
        check_is_trained(self)
        rows = [None if one is None else series2seq(one) for one in given]
        with random_turn():
            other = with_added(self, *rows)
        self.__dict__.update(other.__dict__)
        self.load_ckpt_path = None  # saving again writes these weights, not the file's
        self._solution = None
        return self
