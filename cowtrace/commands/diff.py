"""``cowtrace diff``: what changed between recordings."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from cowtrace.gate import RENDERERS, SUFFIXES, render


@click.command()
@click.argument("base", metavar="A", type=click.Path())
@click.argument("new", metavar="B", type=click.Path())
@click.option(
    "--base", "more_base", multiple=True, metavar="STORE|INPUT", type=click.Path(), help="One more recording of the old side; repeatable."
)
@click.option(
    "--new", "more_new", multiple=True, metavar="STORE|INPUT", type=click.Path(), help="One more recording of the new side; repeatable."
)
@click.option("--fail-on", "conditions", multiple=True, metavar="EXPR", help="Exit with 1 when the change is beyond this; repeatable.")
@click.option("--format", "form", type=click.Choice(list(RENDERERS)), help="Default: the suffix of -o, else text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file; a line on stderr still says the verdict.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--strict", is_flag=True, help="Fail too when the recordings can't tell.")
@click.option("--top", type=click.IntRange(1, 1000), default=5, show_default=True, help="Rows of each dimension.")
@click.option("--allow-disjoint", is_flag=True, help="Compare recordings that share no process name.")
def command(
    base: str,
    new: str,
    *,
    more_base: tuple[str, ...],
    more_new: tuple[str, ...],
    conditions: tuple[str, ...],
    form: str | None,
    output: Path | None,
    force: bool,
    strict: bool,
    top: int,
    allow_disjoint: bool,
) -> None:
    """Compare recording A (before) with B (after): by process, kind and mapping.

    EXPR is MEASURE > +LIMIT or MEASURE{process=PATTERN,kind=PATTERN} > +LIMIT, with LIMIT in percent of A or in the measure's unit.
    Counts and bytes are judged at once; times only when a side was recorded at least twice, since they differ from run to run.

    \b
    Examples:
      cowtrace diff before.store after.store
      cowtrace diff main.data branch.data --fail-on 'copied_bytes > +5%' --fail-on 'copies{process=redis*} > +100'
      cowtrace diff a1 b1 --base a2 --base a3 --new b2 --new b3 --fail-on 'fault_time_ns > +10%' --format junit -o diff.xml
    """
    from cowtrace.gate.diff import diff
    from cowtrace.gate.expression import parse_expression
    from cowtrace.gate.subject import subject_of
    from cowtrace.ingest import resolve
    from cowtrace.output import check_output, text_output

    if output is not None:
        check_output(output, force=force)
    expressions = [parse_expression(text) for text in conditions]
    with ExitStack() as stack:
        sides = [
            [stack.enter_context(subject_of(resolve([path]), path)) for path in side] for side in ((base, *more_base), (new, *more_new))
        ]
        verdicts = diff(sides[0], sides[1], expressions, top=top, strict=strict, allow_disjoint=allow_disjoint)
    with text_output(output, force=force) as out:
        out.write(render(verdicts, form or (SUFFIXES.get(output.suffix, "text") if output is not None else "text")))
    if output is not None:
        print(f"{verdicts.summary} Wrote {output}", file=sys.stderr)
    if verdicts.failed:
        sys.exit(1)
