"""The formats of this package, each recognised by its content alone."""
from dataclasses import dataclass
SNIFFERS=()
ProcFormat=sniff=None
