"""Run the command line as ``python -m fwadvisor``."""

from fwadvisor.cli import main

main()
