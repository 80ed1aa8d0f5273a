"""How answers are judged, as flags: the same for every command that judges, or that starts what does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.declared import choices
from cli.options import REWARD_POLICY, Command, Finite, Ternary

if TYPE_CHECKING:
    from feedback_node.policies import RewardConfig

POLICIES = choices("feedback_node.policies", "RewardPolicy")
TERNARY = "ternary"


def value_options(option: Callable[..., Any] = click.option, where: str = "") -> Callable[[Command], Command]:
    """Add `--no-claims --ternary`, for `config_of`. `where`: what stands before their help."""

    def add(command: Command) -> Command:
        command = option(
            "--ternary",
            type=Ternary(),
            metavar="RIGHT,ABSTAINED,WRONG[,UNSUPPORTED[,NEEDLESS]]",
            help=f"{where}What the policy ternary gives, from -10 to 10. UNSUPPORTED is for what the graph can tell nothing of, unless it "
            "knows the one answer; `none` leaves it out of what is learnt. NEEDLESS is for an answer that abstains where the graph knows "
            "what was asked; `none` is as ABSTAINED. [default: 1,0,-1,-0.5,-1]",
        )(command)
        no_claims = option(
            "--no-claims", type=Finite(0, 1), metavar="R", help=f"{where}Reward of an answer without claims. [default: none]"
        )
        return no_claims(command)  # type: ignore[no-any-return]

    return add


def policy_options(default: str = REWARD_POLICY) -> Callable[[Command], Command]:
    """Add `--policy --no-claims --ternary`, for `config_of`."""

    def add(command: Command) -> Command:
        return click.option(
            "--policy",
            type=click.Choice(POLICIES),
            default=default,
            show_default=True,
            help="How claims become a reward, and what is learnt from it.",
        )(value_options()(command))

    return add


def refuse_values_of_another(policy: str, ternary: dict[str, float | None] | None, flag: str = "--policy") -> None:
    """Refuse values that the policy does not give.

    Raises:
        UsageError: names both flags.
    """
    if ternary is not None and policy != TERNARY:
        raise click.UsageError(f"--ternary has an effect with {flag} {TERNARY} alone")


def config_of(policy: str, no_claims: float | None, ternary: dict[str, float | None] | None) -> RewardConfig:
    """What the flags say.

    Raises:
        UsageError: `--ternary` with another policy.
    """
    from feedback_node.policies import RewardConfig, RewardPolicy, TernaryValues

    refuse_values_of_another(policy, ternary)
    return RewardConfig(policy=RewardPolicy(policy), no_claims=no_claims, ternary=TernaryValues.model_validate(ternary or {}))


def arguments_of(policy: str, no_claims: float | None, ternary: dict[str, float | None] | None) -> list[str]:
    """The flags again, for a feedback worker that is started."""
    said: list[Any] = ["--policy", policy]
    if no_claims is not None:
        said += ["--no-claims", no_claims]
    if ternary is not None:
        numbers = [ternary[name] for name in ("right", "abstained", "wrong", "unsupported", "needless")]
        said += ["--ternary", ",".join("none" if number is None else str(number) for number in numbers)]
    return list(map(str, said))
