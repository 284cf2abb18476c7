"""`python -m tide`."""

from tide.cli import main

if __name__ == "__main__":
    main()
