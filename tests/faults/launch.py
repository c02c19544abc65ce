"""`python -m tests.faults.launch serve`: the `anshao` command on a disk that can lose power and fill up, by a clock that is off.

The API's processes are spawned and load this module again, so disk and clock are in place in each of them.
"""

from tests.faults.power import install_from_environment
from tests.faults.skew import skew_from_environment

install_from_environment()
skew_from_environment()

if __name__ == "__main__":
    from app.cli import main

    main()
