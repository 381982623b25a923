"""``cowtrace guide``: what to run for which question."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import click


@dataclass(frozen=True, slots=True)
class Advice:
    """One question and the command that answers it.

    Attributes:
        question: As somebody would ask it.
        command: To run; IN is a recording or store.
        needs: What the recording must hold; "" for any.
    """

    question: str
    command: str
    needs: str = ""


GUIDE: tuple[Advice, ...] = (
    Advice("What can this host record, and what must I change?", "cowtrace doctor --format json"),
    Advice("Record a command", "cowtrace record -o run.rec -- COMMAND"),
    Advice("Record a running process for half a minute", "cowtrace record -o run.rec -p PID --duration 30"),
    Advice("Record what a container build copies up", "cowtrace record --overlay -o run.rec -- make", "root on the host of the container"),
    Advice("What did it cost, who paid, because of which fork?", "cowtrace report IN --format json"),
    Advice("The same as a page for people who were not there", "cowtrace report IN -o bill.html"),
    Advice("What was read, what was lost, what can't this recording tell?", "cowtrace info IN --format json"),
    Advice("Which forks copied what, parent and child apart?", "cowtrace query IN cow/fork_bill --format json"),
    Advice("Which mappings were unshared?", "cowtrace query IN cow/by_mapping --format json"),
    Advice("What did huge pages do?", "cowtrace query IN thp/by_process --format json"),
    Advice("Which files were copied up?", "cowtrace query IN copyup/by_path --format json", "record --overlay"),
    Advice(
        "What is in the tables? Ask anything in SQL", 'cowtrace query IN "SELECT kind, sum(weight) FROM fault GROUP BY kind" --format json'
    ),
    Advice("Which questions are answered already?", "cowtrace query --list"),
    Advice("Did it get worse? Fail the build", "cowtrace diff BEFORE AFTER --fail-on 'copied_bytes > +5%' --format json"),
    Advice("Does it stay within a budget? Fail the build", "cowtrace check IN --budget cow.toml --format json"),
    Advice("Every recorded event, for other tools", "cowtrace script IN --format csv"),
    Advice("Look at it in Perfetto, Firefox Profiler, speedscope, pprof", "cowtrace export IN --format perfetto -o trace.json"),
    Advice("Give a recording away without its names", "cowtrace ingest IN -o share.store --confidential"),
)
#: What holds for every command.
RULES = (
    "IN may be perf.data, trace.dat, ftrace or perf script text, smaps files, a folder of cowtrace record, or a store.",
    "A recording is read once; its store is kept in a cache.",
    "Results go to standard output, progress and warnings to standard error.",
    "Exit codes: 0 fine, 1 a finding that you asked to fail on, 2 wrong usage or input, with one line on standard error.",
    "NULL (null in JSON) means that the recording can't tell; 0 is a measured zero.",
    "Every JSON document names its schema and version in the key schema.",
)


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print it.")
def command(form: str) -> None:
    """Say what to run for which question; short, for people in a hurry and for programs.

    \b
    Examples:
      cowtrace guide
      cowtrace guide --format json | jq -r '.advice[].command'
    """
    if form == "json":
        print(json.dumps({"schema": "cowtrace.guide/1", "rules": RULES, "advice": [asdict(advice) for advice in GUIDE]}, indent=1))
        return
    for advice in GUIDE:
        needs = f"   ({advice.needs})" if advice.needs else ""
        print(f"{advice.question}\n    {advice.command}{needs}")
    print()
    for rule in RULES:
        print(f"- {rule}")
