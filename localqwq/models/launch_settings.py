"""The settings for how a model is loaded."""

from localqwq.device_lists import device_names, shares
from localqwq.locations import settings_file
from localqwq.models.launch_options import LaunchOptions
from localqwq.settings.file import SettingsFile
from localqwq.settings.sections import ModelSettings
from localqwq.sizes import parsed_size


def settings_of(name: str, spec: str) -> LaunchOptions:
    """Return the settings for ``name:QUANT``, completed by those for the name."""
    known = SettingsFile(settings_file()).read().models
    of_quant, of_name = (_options(known.get(key, ModelSettings())) for key in (spec, name))
    return of_quant.over(of_name)


def _options(of: ModelSettings) -> LaunchOptions:
    return LaunchOptions(
        context=of.context,
        gpu_layers=of.gpu_layers,
        devices=device_names(of.devices) if of.devices is not None else None,
        tensor_split=shares(of.tensor_split) if of.tensor_split is not None else None,
        threads=of.threads,
        batch=of.batch,
        kv_type=of.kv,
        flash=of.flash,
        parallel=of.parallel,
        reserve=parsed_size(of.reserve) if of.reserve is not None else None,
        rope=of.rope,
        mmap=of.mmap,
    )
