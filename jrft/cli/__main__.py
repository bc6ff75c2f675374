"""`python -m jrft.cli`."""

import sys

from jrft.cli import main

if __name__ == "__main__":
    sys.exit(main())
