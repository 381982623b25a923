"""Rows of ``code_line``: where in the source each place is, through the calls that were inlined there."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from cowtrace.symbols.demangle import demangle
from cowtrace.symbols.lines import LineReader
from cowtrace.symbols.naming import Namer
from cowtrace.symbols.places import Places

_SCHEMA = {"frame_id": pl.Int64, "level": pl.Int32, "symbol": pl.String, "source_file": pl.String, "source_line": pl.Int64}


def code_lines(places: Places, namer: Namer, seconds: float) -> pl.DataFrame:
    """Source lines of all places whose files have debug information.

    Args:
        places: The places.
        namer: After ``frames``: knows the files.
        seconds: Reading all files together takes no longer; what is then missing is noted in ``namer.notes``.
    """
    reader = LineReader(seconds)
    returns = _is_return(places)
    rows: list[tuple[Any, ...]] = []
    for number, found in namer.found.items():
        if found.names is None or not found.identities:
            continue
        place = np.flatnonzero(places.space == number)
        address = namer.addresses[place].astype(np.int64) - returns[place]
        dso = places.spaces[number].dso
        calls = reader.calls(dso.path if dso is not None else "", found.names, found.identities[-1], address)
        for frame_id, at in zip(place.tolist(), address.tolist(), strict=True):
            for level, (name, file, line) in enumerate(calls.get(at, ())):
                rows.append((frame_id, level, None if name is None else demangle(name.encode()), file, line))
    namer.notes += reader.notes
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("frame_id", "level")


def _is_return(places: Places) -> np.ndarray[Any, np.dtype[np.int64]]:
    """1 for a place that is only ever returned to: the call that did so stands one byte before."""
    result = np.zeros(len(places.offset), np.int64)
    result[places.chains.filter(pl.col("depth") > 0)["place"].to_numpy()] = 1
    result[places.chains.filter(pl.col("depth") == 0)["place"].to_numpy()] = 0
    result[places.ips["place"].to_numpy()] = 0
    return result
