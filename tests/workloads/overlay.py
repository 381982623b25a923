"""Images and what is done to them in an overlay: a parallel build, a recursive chown, a log."""

from __future__ import annotations

from pathlib import Path

from tests.support.overlay import Workload

_MAKEFILE = """
all: one.o two.o table tool stamp rename log owner
\tcc -o program one.o two.o
%.o: src/%.c
\tcc -c -o $@ $<
table:
\tprintf x | dd of=lib/table.bin conv=notrunc bs=1 seek=100000 2>/dev/null
tool:
\tchmod 755 tools/generate
stamp:
\ttouch config.h
rename:
\tmv doc/old.txt doc/new.txt
log:
\techo built >> build.log
owner:
\tchown 12 data/set.bin && echo more >> data/set.bin
"""


def _fill(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    line = f"{path.name} ".encode() * 8
    path.write_bytes((line * (size // len(line) + 1))[:size])


def _build_image(image: Path) -> None:
    for name, text in (("one", "int two(void); int main(void) { return two(); }"), ("two", "int two(void) { return 0; }")):
        _fill(image / "src" / f"{name}.c", 0)
        (image / "src" / f"{name}.c").write_text(text + "\n")
    (image / "Makefile").write_text(_MAKEFILE.lstrip())
    sizes = {"lib/table.bin": 2_000_000, "tools/generate": 700_000, "config.h": 5_000, "doc/old.txt": 300_000, "build.log": 90_000}
    for name, size in {**sizes, "data/set.bin": 1_200_000}.items():
        _fill(image / name, size)


BUILD = Workload(
    name="build",
    about="a parallel build in a container's overlay: make -j4 with a compiler, dd, chmod, touch, mv, chown",
    image=_build_image,
    command="exec make -s -j4",
    triggers={
        "lib": "open_write",
        "lib/table.bin": "open_write",
        "tools": "chmod",
        "tools/generate": "chmod",
        "config.h": "open_write",
        "doc": "rename",
        "doc/new.txt": "rename",
        "build.log": "open_write",
        "data": "chown",
        "data/set.bin": "chown",
    },
    later={"data/set.bin": "open_write"},
)

_TREE = {f"app/{folder}/{number}.bin": 3_000 + 17_000 * number for folder in ("bin", "lib", "share") for number in range(12)}


def _tree_image(image: Path) -> None:
    for name, size in _TREE.items():
        _fill(image / name, size)
    (image / "app" / "current").symlink_to("bin/1.bin")


CHOWN = Workload(
    name="chown",
    about="chown -R of an image's tree of 36 files",
    image=_tree_image,
    command="exec chown -hR 1000:1000 app",
    triggers=dict.fromkeys([*_TREE, "app", "app/bin", "app/lib", "app/share", "app/current"], "chown"),
    later={},
)


def _log_image(image: Path) -> None:
    _fill(image / "var" / "log" / "app.log", 6_000_000)


LOG = Workload(
    name="log",
    about="a shell appends forty lines to a log of 6 MB that lies in the image",
    image=_log_image,
    command='i=0; while [ $i -lt 40 ]; do echo "line $i" >> var/log/app.log; i=$((i+1)); done',
    triggers={"var": "open_write", "var/log": "open_write", "var/log/app.log": "open_write"},
    later={},
)

ALL = (BUILD, CHOWN, LOG)
