"""`python -m jwi`."""

import sys

from jwi.cli import main

if __name__ == "__main__":
    sys.exit(main())
