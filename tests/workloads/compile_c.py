"""A small C build: vfork and exec of the compiler's programs, one after the other.

python compile_c.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UNIT = """
#include <stdio.h>
#include <stdlib.h>
int unit_{n}(const char *text) {{ return (int)strtol(text, NULL, 10) * {n} + printf("%s", text); }}
"""


def run(folder: Path) -> None:
    """Compile four units and link them."""
    names = []
    for n in range(4):
        source = folder / f"unit{n}.c"
        main = 'int main(void) { return unit_0("0"); }' if n == 0 else ""
        source.write_text(UNIT.format(n=n) + main)
        names.append(str(source))
    subprocess.run(["cc", "-O1", "-o", str(folder / "program"), *names], check=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
