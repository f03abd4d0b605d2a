"""Darts models that share weights with models of other sites, and keep what is their own."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from hyperforecast.darts.adapters.adapted import AdaptedModel
from hyperforecast.nn.shared_weights import check_same, split_weights


class SharingModel(AdaptedModel):
    """Base of the Darts models that several sites train together, without sharing rows."""

    def shared_weights(self) -> dict[str, Tensor]:
        """Return copies of the weights that sites share: backbone and generators.

        What stays at home is the vector of a site (``tasks="task-vectors"``), what belongs to its
        channels, and all units and statistics. Means of several sites' weights are made by
        :func:`hyperforecast.nn.averaged`.

        Raises
        ------
        ValueError
            If the model has not been fitted or loaded, or has weights by series.
        """
        network = self.network
        if self.weights_by != "channel":
            raise ValueError(
                f"What is a site's own cannot be told from what is shared with weights_by="
                f"{self.weights_by!r}. Leave it out; a site's vector is tasks='task-vectors'."
            )
        assert self.model is not None
        return split_weights(network, self.model.network_arguments)[0]

    @torch.no_grad()
    def take_shared_weights(self, weights: Mapping[str, Tensor]) -> Self:
        """Take weights of :meth:`shared_weights`, or a mean of several; the next ``fit`` goes on.

        Parameters
        ----------
        weights : mapping of str to Tensor

        Returns
        -------
        SharingModel
            This model.

        Raises
        ------
        ValueError
            If they are those of another network.
        """
        check_same(weights, self.shared_weights(), "given", "of this model")
        self.network.load_state_dict({**self.network.state_dict(), **weights})
        self.load_ckpt_path = None  # saving again writes these weights, not the file's
        self._solution = None
        return self
