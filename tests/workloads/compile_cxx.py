"""A C++ build: one large compiler process after the other, each with its own garbage-collected heap.

python compile_cxx.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UNIT = """
#include <map>
#include <string>
#include <vector>
std::map<std::string, std::vector<int>> table_{n};
int unit_{n}(const std::string &text) {{ return (int)table_{n}[text].size(); }}
"""


def run(folder: Path) -> None:
    """Compile two units and link them."""
    names = []
    for n in range(2):
        source = folder / f"unit{n}.cc"
        main = 'int main() { return unit_0("a"); }' if n == 0 else ""
        source.write_text(UNIT.format(n=n) + main)
        names.append(str(source))
    subprocess.run(["c++", "-O1", "-o", str(folder / "program"), *names], check=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
