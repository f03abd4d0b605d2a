"""A setting of what the solver chooses."""

from dataclasses import dataclass


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
        Whether every channel has weights of its own instead.
    n_factors : int
        Number K of common factors.
    ridge : float
        In units of each group of regressors; zero before it is chosen.
    """

    norm: str
    embedding_dim: int
    individual: bool
    n_factors: int
    ridge: float = 0.0


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
    """

    setting: Setting
    validation_mse: float
    chosen: bool
    damping: float = 0.0
