"""What a check found, in words for whoever runs the machine."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "doubtful", "wrong", "optional"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` says what to do when it is not good; "optional" means something goes without."""

    state: State
    zh: str
    en: str
    detail: str
    mend: str = ""
