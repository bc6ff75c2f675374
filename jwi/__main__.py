"""``python -m jwi``."""

import sys

from jwi.cli import main

sys.exit(main())
