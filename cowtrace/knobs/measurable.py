"""Settings and habits that no replay changes, but whose effect a recording shows: where to look."""

from __future__ import annotations

#: Name -> (what it is, what to look at). The command is complete but for IN.
MEASURABLE: dict[str, tuple[str, str]] = {
    "prefork-workers": ("how much each worker unshares, by writing or by being written around", "cowtrace query IN cow/fork_bill"),
    "gc.freeze": ("whether a collector writes to shared objects: record before and after", "cowtrace diff BEFORE AFTER"),
    "snapshot-duration": ("copies grow with the pages written while the child lives", "cowtrace query IN cow/fork_bill"),
    "vma-count": ("fork copies mappings one by one; thousands make it slow", "cowtrace query IN process/tree"),
    "khugepaged": ("huge pages that the kernel makes in the background", "cowtrace query IN vmstat/change"),
    "image-ownership": ("files copied up by chown and chmod alone", "cowtrace query IN copyup/by_path"),
    "writes-in-image-layers": ("files copied up to write a few bytes", "cowtrace query IN copyup/by_path"),
    "private-dirty": ("memory with one mapper; most of it was never copied", "cowtrace query IN smaps/private_dirty_over_time"),
    "swap-in-copies": ("shared pages that came back from swap and were copied in one fault", "cowtrace query IN fault/by_kind"),
}
