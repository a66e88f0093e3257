"""`python -m privet_cli` is `privet`."""

from privet_cli.main import main

if __name__ == "__main__":
    main()
