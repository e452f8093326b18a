"""``python -m reidbench``: the command line."""

from reidbench.cli import main

if __name__ == "__main__":
    main()
