"""What the shell's Tab key offers where click alone does not know: queries and settings. Heavy imports wait until it is pressed."""

from __future__ import annotations

import click


def questions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Queries of the library and tables."""
    del ctx, parameter
    from cowtrace.queries import public_names
    from cowtrace.schema import TABLES

    return sorted(name for name in [*public_names(), *TABLES] if name.startswith(incomplete))


def settings(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """``thp=never`` and so on; ``prefault=`` where a pattern has to follow."""
    del ctx, parameter
    from cowtrace.replay.policies import POLICIES

    offered = [f"{knob}={value}" for knob, policy in POLICIES.items() for value in policy.sweep or ("",)]
    return [setting for setting in offered if setting.startswith(incomplete)]
