"""The settings for how a model is loaded.

Their schema is imported only if the file says anything about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localqwq.device_lists import device_names, shares, written_devices, written_shares
from localqwq.engine.states.limits import StateLimits
from localqwq.errors import LocalqwqError
from localqwq.locations import settings_file
from localqwq.models.launch_options import LaunchOptions
from localqwq.settings.file import SettingsFile
from localqwq.sizes import parsed_size, written_size

if TYPE_CHECKING:
    from localqwq.settings.sections import ModelSettings


def settings_of(name: str, spec: str) -> LaunchOptions:
    """Return the settings for ``name:QUANT``, completed by those for the name."""
    file = SettingsFile(settings_file())
    if file.peek("models") is None:
        return LaunchOptions()
    from localqwq.settings.sections import ModelSettings

    known = file.read().models
    of_quant, of_name = (options_in(known.get(key, ModelSettings())) for key in (spec, name))
    return of_quant.over(of_name)


def state_limits() -> StateLimits:
    """Return the settings for KV states on disk."""
    file = SettingsFile(settings_file())
    if file.peek("states") is None:
        return StateLimits()
    known = file.read().states
    return StateLimits(parsed_size(known.disk), parsed_size(known.daily_writes), known.quiet)


def options_in(of: ModelSettings) -> LaunchOptions:
    """Return the options that these settings mean."""
    return LaunchOptions(
        context=of.context,
        gpu_layers=of.gpu_layers,
        devices=device_names(of.devices) if of.devices is not None else None,
        tensor_split=shares(of.tensor_split) if of.tensor_split is not None else None,
        threads=of.threads,
        batch=of.batch,
        kv_type=of.kv,
        flash=of.flash,
        repack=of.repack,
        parallel=of.parallel,
        reserve=parsed_size(of.reserve) if of.reserve is not None else None,
        rope=of.rope,
        mmap=of.mmap,
    )


def settings_for(options: LaunchOptions) -> ModelSettings:
    """Return the settings that mean these options, as people would write them."""
    from localqwq.settings.sections import ModelSettings

    split, devices, reserve = options.tensor_split, options.devices, options.reserve
    return ModelSettings(
        context=options.context,
        gpu_layers=options.gpu_layers,
        devices=None if devices is None else written_devices(devices),
        tensor_split=None if split is None else written_shares(split),
        threads=options.threads,
        batch=options.batch,
        kv=options.kv_type,
        flash=options.flash,
        repack=options.repack,
        parallel=options.parallel,
        reserve=None if reserve is None else written_size(reserve),
        rope=options.rope,
        mmap=options.mmap,
    )


def keep(file: SettingsFile, name: str, spec: str, chosen: ModelSettings) -> str:
    """Write the settings of a model: of ``name:QUANT`` if it has its own, else of the name.

    Returns the heading of their table in the file.

    Raises:
        LocalqwqError: the file cannot be changed; or the name's settings, which count as well,
            have a value that was left out here.
    """
    from localqwq.settings.values import plain

    written = file.peek("models")
    tables = written if isinstance(written, dict) else {}
    key = spec if spec in tables else name
    new = {**tables, key: chosen}
    if not plain(chosen):
        del new[key]  # no table rather than an empty one
    file.change_all({"models": new or None})
    heading = f'[models."{key}"]'
    if options_in(chosen) != settings_of(name, spec):
        raise LocalqwqError(
            f'{heading} is written, but [models."{name}"] sets more: change it there.'
        )
    return heading
