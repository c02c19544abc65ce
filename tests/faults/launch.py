"""`python -m tests.faults.launch serve`: the `anshao` command on a disk that can lose power and fill up.

The API's processes are spawned and load this module again, so the disk is in place in each of them.
"""

from tests.faults.power import install_from_environment

install_from_environment()

if __name__ == "__main__":
    from app.cli import main

    main()
