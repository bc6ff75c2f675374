"""Studies: one claim each, tested by one command.

A study is a file, or a folder whose file `study.py` is the study. Its name on the command line is
its package's name and its own: `jwi/separation.py` is `jwi_separation`. Parts that several studies
share have folders of their own, without a `study.py`.
"""

from pathlib import Path

STUDIES = {
    f"{package.name}_{path.stem if path.stem != 'study' else path.parent.name}": path
    for package in sorted(Path(__file__).parent.glob("j*"))
    for path in sorted([*package.glob("*.py"), *package.glob("*/study.py")])
    if path.stem != "__init__"
}
"""The file of every study, by its name on the command line."""
