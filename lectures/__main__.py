"""`python -m lectures 07` is `python -m pipelines lecture 07`."""

import sys

from pipelines.__main__ import main

if __name__ == "__main__":
    sys.argv.insert(1, "lecture")
    main()
