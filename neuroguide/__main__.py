"""``python -m neuroguide`` is the `neuroguide` command."""

import sys

from neuroguide.cli import main

sys.exit(main())
