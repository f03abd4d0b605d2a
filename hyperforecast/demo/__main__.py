"""``python -m hyperforecast.demo``."""

import sys

from hyperforecast.demo.command_line import main

if __name__ == "__main__":
    sys.exit(main())
