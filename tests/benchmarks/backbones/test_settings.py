"""The settings are options that the backbones have."""

from benchmarks.backbones.published import PUBLISHED
from benchmarks.backbones.settings import WIDTHS
from hyperforecast.nn import BACKBONES
from hyperforecast.nn.backbones import check_backbone


def test_the_settings_of_the_backbones_are_options_that_they_have():
    for cell in PUBLISHED:
        check_backbone(cell.backbone, cell.options.get("backbone_kwargs"))
    assert {cell.backbone for cell in PUBLISHED} <= set(BACKBONES)
    for backbone, options in WIDTHS.items():
        check_backbone(backbone, options)
