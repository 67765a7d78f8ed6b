"""The csv of a run, where Kaggle looks for what a notebook submits."""

import shutil
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.files import whole_file
from pipelines.notebook.ran import Ran

WORKING = Path("/kaggle/working")  # of a Kaggle notebook
NAME = "submission.csv"


def for_kaggle(ran: Ran, folder: Path | str = WORKING) -> Path | None:
    """Copy the checked csv to `folder`/submission.csv; None where there is no such folder, as outside Kaggle.

    Raises: UsageError for a run of made rows, whose csv nobody should submit, or without a csv.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return None
    if ran.record.data == "sample":
        raise UsageError(
            "this run is of made rows: its csv is no submission",
            f"add the competition's data to the notebook (Add Input), or name where it is: data=..., then run "
            f"{ran.record.slug} again",
            f"请在 notebook 中添加比赛数据（Add Input），或用 data=... 指定位置，然后重新运行 {ran.record.slug}",
        )
    if ran.path is None:
        raise UsageError(
            "this run has written no csv",
            "leave write=False and practice=True out",
            "请去掉 write=False 和 practice=True",
        )
    with whole_file(folder / NAME) as temporary:
        shutil.copyfile(ran.path, temporary)
    return folder / NAME
