"""`python -m qdot` is the command `qdot`."""

from qdot.cli import main

raise SystemExit(main())
