"""A setting of what the solver chooses."""

from dataclasses import dataclass, replace
from typing import NamedTuple


class View(NamedTuple):
    """What a regression sees of a window.

    Attributes
    ----------
    norm : str
        Instance norm.
    n_factors : int
        Number K of common factors.
    lookback : int, optional
        Number of most recent steps seen; all of the window's lookback if not given.
    factor_lookback : int, optional
        Number of most recent steps at which factors enter; as the options say if not given.
    neighbour_steps : int
        Number of most recent steps at which the channels themselves enter, all of them.
    """

    norm: str
    n_factors: int = 0
    lookback: int | None = None
    factor_lookback: int | None = None
    neighbour_steps: int = 0


@dataclass(frozen=True)
class Setting:
    """What is chosen on validation.

    Attributes
    ----------
    norm : str
        Instance norm.
    embedding_dim : int
        Length E of the channel embedding; 0 for one weight for all channels.
    individual : bool
        Whether every channel has weights of its own.
    n_factors : int
        Number K of common factors.
    ridge : float
        In units of each group of regressors; zero before it is chosen.
    lookback : int, optional
        Number of most recent steps seen; all of the window's lookback if not given.
    factor_lookback : int, optional
        Number of most recent steps at which factors enter; as the options say if not given.
    shared_ridge : float, optional
        With weights of each channel's own: the ridge of the weights generated from the embedding,
        towards which they are drawn, ``ridge`` counting how far they are; towards zero if not
        given.
    drift : bool
        Whether forecasts have constants, which below the level of a window are a drift.
    neighbour_lags : int
        Number of last values of all channels that enter.
    embedding_start : str
        What the channel embedding is made of; one of ``EMBEDDING_STARTS``.
    n_rounds : int
        Number of rounds in which weights and embedding are solved for in turn.
    attributed : bool
        Whether vectors begin with the channels' attributes. Weights of each channel's own are then
        kept apart from those that the vectors generate.
    attribute_ridge : float, optional
        With attributes: the ridge of weights that attributes generate alone, those of channels of
        which nothing else is known; ``ridge`` if not given.
    """

    norm: str
    embedding_dim: int
    individual: bool
    n_factors: int
    ridge: float = 0.0
    lookback: int | None = None
    factor_lookback: int | None = None
    shared_ridge: float | None = None
    drift: bool = True
    neighbour_lags: int = 0
    embedding_start: str = "correlation"
    n_rounds: int = 0
    attributed: bool = False
    attribute_ridge: float | None = None

    @property
    def one_each(self) -> bool:
        """Whether each channel has a basis weight, and nothing is shared."""
        return self.individual and not self.attributed

    @property
    def shared(self) -> "Setting | None":
        """The setting towards whose weights each channel's are drawn, if towards any."""
        if self.shared_ridge is None:
            return None
        return replace(self, individual=False, ridge=self.shared_ridge, shared_ridge=None)

    @property
    def for_all(self) -> "Setting":
        """The setting of one weight for all channels, that sees the same."""
        return Setting(
            norm=self.norm,
            embedding_dim=0,
            individual=False,
            n_factors=self.n_factors,
            ridge=self.ridge if self.shared_ridge is None else self.shared_ridge,
            lookback=self.lookback,
            factor_lookback=self.factor_lookback,
            drift=self.drift,
            neighbour_lags=self.neighbour_lags,
        )

    @property
    def of_attributes(self) -> "Setting | None":
        """The setting of what attributes generate alone, where this one is another."""
        if self.attribute_ridge is None:
            return None
        ridge = self.attribute_ridge
        alone = replace(self, embedding_dim=0, individual=False, shared_ridge=None)
        return replace(alone, ridge=ridge, attribute_ridge=None)

    @property
    def view(self) -> View:
        """What the regression of the setting sees of a window."""
        return View(
            self.norm,
            self.n_factors,
            self.lookback,
            self.factor_lookback,
            self.neighbour_lags,
        )


@dataclass(frozen=True)
class ComparedSetting:
    """A setting, its validation error, and whether it was selected over the one before.

    Attributes
    ----------
    setting : Setting
    validation_mse : float
        In units of each channel's training variance; infinite where rounding left nothing of it.
    chosen : bool
    damping : float
        Ridge that was added to the setting's, because rounding had made the equations indefinite.
    share : float
        What its forecasts count among those that are added up; zero where they do not.
    periods : tuple of int
        Of the cycles that were taken away before.
    """

    setting: Setting
    validation_mse: float
    chosen: bool
    damping: float = 0.0
    share: float = 0.0
    periods: tuple[int, ...] = ()
