"""Verdicts as JUnit XML, as test reporters of CI systems read it."""

from __future__ import annotations

from xml.etree import ElementTree

from cowtrace.gate.finding import Verdicts
from cowtrace.text import printable


def render(verdicts: Verdicts) -> str:
    """One test case a finding: broken ones fail, undecided ones are skipped (or fail, when strict)."""
    failed = {id(finding) for finding in verdicts.failed}
    skipped = sum(finding.status == "undecided" and id(finding) not in failed for finding in verdicts.findings)
    counts = {"tests": str(len(verdicts.findings)), "failures": str(len(failed)), "errors": "0", "skipped": str(skipped)}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": f"cowtrace {verdicts.command}", **counts})
    for finding in verdicts.findings:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": f"cowtrace.{verdicts.command}", "name": printable(finding.rule), "time": "0"}
        )
        message = printable(finding.message)
        if id(finding) in failed:
            ElementTree.SubElement(case, "failure", {"message": message, "type": finding.status}).text = message
        elif finding.status == "undecided":
            ElementTree.SubElement(case, "skipped", {"message": message})
    ElementTree.SubElement(suite, "system-out").text = "\n".join(map(printable, (verdicts.summary, *verdicts.notes)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
