"""`python -m core_plus` is `core-plus`."""

import sys

from core_plus.cli import main

sys.exit(main())
