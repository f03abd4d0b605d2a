"""Arguments of training are checked by the constructor, from what they describe."""

import re
from typing import Any

import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood
from pytorch_lightning.callbacks import EarlyStopping
from torchmetrics import MeanAbsoluteError

from hyperforecast.darts import BackboneModel, HyperModel, MoLAModel
from tests.case_names import case_name
from tests.hosts.darts.every_model import H, L, each_model

NAN, INF = float("nan"), float("inf")
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"n_epochs": -1}, "n_epochs must be a whole number >= 0; got -1."),
    ({"n_epochs": 1.5}, "n_epochs must be a whole number >= 0; got 1.5."),
    ({"n_epochs": [3]}, "n_epochs must be a whole number >= 0; got [3]."),
    ({"n_epochs": "3"}, "n_epochs must be a whole number >= 0; got '3'."),
    ({"n_epochs": None}, "n_epochs must be a whole number >= 0; got None. Leave it out for Darts'"),
    ({"optimizer_cls": None}, "optimizer_cls must be a class; got None. Leave it out for Darts'"),
    ({"loss_fn": None}, "loss_fn must be a function; got None. Leave it out for Darts' default."),
    ({"torch_metrics": torch.nn.L1Loss()}, "torch_metrics must be a metric of torchmetrics, sever"),
    (
        {"use_reversible_instance_norm": {"epsilon": 1.0}},
        "Unknown option of use_reversible_instance_norm 'epsilon'. Did you mean 'eps'?",
    ),
    ({"n_epochs": True}, "n_epochs must be a whole number >= 0; got True."),
    ({"batch_size": 0}, "batch_size must be a whole number >= 1; got 0."),
    ({"batch_size": -32}, "batch_size must be a whole number >= 1; got -32."),
    ({"batch_size": None}, "batch_size must be a whole number >= 1; got None."),
    ({"random_state": -1}, "random_state must be a whole number >= 0 and <= 4294967295; got -1."),
    ({"random_state": "0"}, "random_state must be a whole number >= 0"),
    ({"optimizer_cls": "adam"}, "optimizer_cls must be a class; got 'adam'."),
    ({"optimizer_kwargs": 1e-3}, "optimizer_kwargs must be a dict; got 0.001."),
    (
        {"optimizer_kwargs": {"lr": 1e30}},
        "lr in optimizer_kwargs must be a number >= 0 and <= 1e+0",
    ),
    ({"optimizer_kwargs": {"lr": INF}}, "lr in optimizer_kwargs must be a finite number; got inf."),
    ({"optimizer_kwargs": {"lr": NAN}}, "lr in optimizer_kwargs must be a finite number; got nan."),
    ({"optimizer_kwargs": {"lr": -1.0}}, "lr in optimizer_kwargs must be a number >= 0"),
    ({"optimizer_kwargs": {"lr": "1"}}, "optimizer_kwargs={'lr': '1'} are no arguments of Adam"),
    (
        {"optimizer_kwargs": {"momentum": 0.9}},
        "optimizer_kwargs={'momentum': 0.9} are no arguments of Adam: ",
    ),
    ({"optimizer_kwargs": {"weight_decay": INF}}, "weight_decay in optimizer_kwargs must be a fin"),
    (
        {"lr_scheduler_cls": torch.optim.lr_scheduler.StepLR},
        "lr_scheduler_kwargs={} are no arguments of StepLR: ",
    ),
    (
        {
            "lr_scheduler_cls": torch.optim.lr_scheduler.ExponentialLR,
            "lr_scheduler_kwargs": {"gamma": NAN},
        },
        "gamma in lr_scheduler_kwargs must be a finite number; got nan.",
    ),
    ({"lr_scheduler_kwargs": {"gamma": 0.9}}, "lr_scheduler_kwargs have no effect without lr_sch"),
    ({"loss_fn": "mse"}, "loss_fn must be a function; got 'mse'."),
    ({"loss_fn": torch.nn.L1Loss}, "Give loss_fn=L1Loss()."),
    ({"likelihood": "gaussian"}, "likelihood must be a likelihood for networks; got 'gaussian'."),
    (
        {"likelihood": GaussianLikelihood},
        "likelihood must be a likelihood for networks; got <class",
    ),
    ({"pl_trainer_kwargs": ["cpu"]}, "pl_trainer_kwargs must be a dict; got ['cpu']."),
    (
        {"pl_trainer_kwargs": {"acelerator": "cpu"}},
        "Unknown argument of the trainer in pl_trainer_kwargs 'acelerator'. Did you mean 'acceler",
    ),
    (
        {"pl_trainer_kwargs": {"callbacks": EarlyStopping("val_loss")}},
        "callbacks in pl_trainer_kwargs must be a list of Lightning's callbacks",
    ),
    ({"nr_epochs_val_period": 0}, "nr_epochs_val_period must be a whole number of epochs >= 1"),
    ({"save_checkpoints": "yes"}, "save_checkpoints must be True or False; got 'yes'."),
    ({"add_encoders": ["month"]}, "add_encoders must be a dict; got ['month']."),
    ({"model_name": 3}, "model_name must be a string; got 3."),
    (
        {"output_chunk_shift": -1},
        "output_chunk_shift must be a whole number of steps >= 0; got -1.",
    ),
    ({"use_static_covariates": "no"}, "use_static_covariates must be True or False; got 'no'."),
    ({"backbone": ["dlinear"]}, "backbone must be a string; got ['dlinear']."),
    ({"backbone_kwargs": "d_model"}, "backbone_kwargs must be a dict; got 'd_model'."),
    ({"instance_norm": 3}, "instance_norm must be a string; got 3."),
]


@each_model
@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=case_name)
def test_wrong_arguments(model_class: type, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        model_class(L, H, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_epochs": 0},
        {"optimizer_kwargs": {"lr": 0.0}},
        {"optimizer_kwargs": {"lr": torch.tensor(1e-3)}},
        {"optimizer_cls": torch.optim.SGD, "optimizer_kwargs": {"lr": 1, "momentum": 0.9}},
        {
            "lr_scheduler_cls": torch.optim.lr_scheduler.ReduceLROnPlateau,
            "lr_scheduler_kwargs": {"factor": 0.5, "monitor": "train_loss", "interval": "epoch"},
        },
        {"loss_fn": None, "likelihood": GaussianLikelihood()},
        {"loss_fn": torch.nn.HuberLoss(), "torch_metrics": MeanAbsoluteError()},
        {"pl_trainer_kwargs": {"callbacks": [EarlyStopping("train_loss")], "precision": 64}},
        {"enable_finetuning": {"freeze": ["*bias"]}, "use_reversible_instance_norm": {"eps": 1.0}},
        {"add_encoders": {"position": {"past": ["relative"]}}, "show_warnings": True},
    ],
    ids=case_name,
)
def test_what_darts_takes(arguments: dict[str, Any], series: TimeSeries) -> None:
    BackboneModel(L, H, **{"n_epochs": 1, **arguments}).fit(series)


def test_everything_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"^6 arguments are wrong:") as caught:
        HyperModel(
            "12",
            H,
            batch_size=1.5,
            optimizer_kwargs={"lr": NAN},
            solver_kwargs={"ridge": "small"},
            head="hn-mvts",
            head_kwargs={"hyper_hidden": 8, "channel_embedding_dim": -1},
        )
    for start in (
        "input_chunk_length must be",
        "batch_size must be",
        "lr in optimizer_kwargs must be",
        "ridge must be a finite number; got 'small'",
        "hyper_hidden must be a sequence of whole numbers >= 1; got 8",
        "channel_embedding_dim must be a whole number >= 0; got -1",
    ):
        assert f"\n- {start}" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_experts": "4"}, "n_experts must be a whole number >= 1; got '4'."),
        ({"scaling": INF}, "scaling must be a finite number > 0; got inf."),
        ({"mixing": 3}, "mixing must be 'softmax' or 'free'; got 3."),
        ({"train_head": 1}, "train_head must be True or False; got 1."),
        ({"n_base_epochs": 2.0}, "n_base_epochs must be a whole number of epochs >= 0; got 2.0."),
        ({"base_optimizer_kwargs": {"lr": 1e30}}, "lr in base_optimizer_kwargs must be a number"),
        ({"backbone_kwargs": {"d_model": "8"}}, "d_model must be a whole number; got '8'."),
        ({"backbone_kwargs": {"dropout": NAN}}, "dropout must be a finite number; got nan."),
    ],
    ids=case_name,
)
def test_wrong_options_of_a_part(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        MoLAModel(L, H, **arguments)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ridge", "1"),
        ("ridge", INF),
        ("validation_size", NAN),
        ("factor_lookback", 1.5),
        ("max_memory_gb", [4]),
        ("embedding_steps", True),
    ],
)
def test_wrong_options_of_the_solver(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} must be a "):
        BackboneModel(L, H, solver_kwargs={option: value})
