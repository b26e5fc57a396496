"""The register of recorded evidence: which script makes which table of data/results/, and which page shows it.

    python -m evidence                                             # print the register
    python -m evidence run NAME ... acdc=/path/to/ACDC ...         # run scripts, or all of them, with the data that they name

A script that names ``results/<study>`` needs that study finished. The studies recorded on patients (data/results/acdc,
acdc-first, acdc-large, laptop) are results of ``make study``, copied.
"""

import csv
import shlex
import subprocess
import sys
from pathlib import Path
from string import Formatter

REGISTER = Path(__file__).with_name("register.csv")


def rows() -> list[dict]:
    """The register: script, arguments with the data that they need in braces, tables that it makes, page that shows them."""
    with open(REGISTER, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def needs(row: dict) -> set[str]:
    """The names of the data that a script's arguments ask for."""
    return {name for _, name, _, _ in Formatter().parse(row["arguments"]) if name}


def run(names: list[str], data: dict[str, str]) -> None:
    """Run the scripts of these names, or all, in the order of the register. Exits with one sentence where data are not given."""
    chosen = [row for row in rows() if not names or Path(row["script"]).stem in names]
    missing = sorted(set().union(*(needs(row) for row in chosen)) - set(data)) if chosen else []
    if not chosen or missing:
        unknown = f"no script {', '.join(names)}; 'python -m evidence' prints them"
        sys.exit(f"evidence: {'give ' + ' '.join(f'{name}=PATH' for name in missing) if chosen else unknown}")
    for row in chosen:
        arguments = [part.format_map(data) for part in shlex.split(row["arguments"])]
        print(f"{row['script']} -> {row['makes'] or 'its model'}", flush=True)
        subprocess.run([sys.executable, row["script"], *arguments], check=True, cwd=REGISTER.parent.parent)


def main() -> None:
    """Print the register, or run what is named."""
    if sys.argv[1:2] == ["run"]:
        words = sys.argv[2:]
        return run([word for word in words if "=" not in word], dict(word.split("=", 1) for word in words if "=" in word))
    for row in rows():
        print(f"{row['script']:28s} {row['makes'] or '(a model in the package)':48s} {row['page']:22s} {row['arguments']}")


if __name__ == "__main__":
    main()
