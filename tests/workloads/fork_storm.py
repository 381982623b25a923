"""A shell script that does nothing but start programs: forks that exec, and forks that never do.

python fork_storm.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
i=0
while [ $i -lt 60 ]; do
    /bin/true
    word=$(echo $i)
    ( word=sub$word; : )
    i=$((i + 1))
done
"""


def run(folder: Path) -> None:
    """60 programs, 60 command substitutions, 60 subshells."""
    script = folder / "storm.sh"
    script.write_text(SCRIPT)
    subprocess.run(["sh", str(script)], check=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
