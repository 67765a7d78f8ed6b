"""Made passengers in the form of the competition's files: drawn column by column, nobody ever flew."""

import pandas as pd

from pipelines.made import Categories, Ids, Made, MadeFiles, Numbers, Shaped, Words

COLUMNS: dict[str, Made] = {
    "HomePlanet": Categories({"Earth": 0.54, "Europa": 0.25, "Mars": 0.21}, gaps=0.02),
    "CryoSleep": Categories({"False": 0.64, "True": 0.36}, gaps=0.02),
    "Cabin": Shaped("A/999/A", gaps=0.02),
    "Destination": Categories({"TRAPPIST-1e": 0.7, "55 Cancri e": 0.21, "PSO J318.5-22": 0.09}, gaps=0.02),
    "Age": Numbers((0, 19, 27, 38, 65), gaps=0.02),
    "VIP": Categories({"False": 0.98, "True": 0.02}, gaps=0.02),
    "RoomService": Numbers((0, 0, 0, 49, 3010), gaps=0.02),
    "FoodCourt": Numbers((0, 0, 0, 77, 7800), gaps=0.02),
    "ShoppingMall": Numbers((0, 0, 0, 29, 2400), gaps=0.02),
    "Spa": Numbers((0, 0, 0, 57, 5440), gaps=0.02),
    "VRDeck": Numbers((0, 0, 0, 42, 5840), gaps=0.02),
    "Name": Words((2, 2), 1500, gaps=0.02),
}


def make_sample() -> dict[str, pd.DataFrame]:
    """The three files, always the same; ids as 0013_02, the second passenger of a party."""
    return MadeFiles(
        columns=COLUMNS, target="Transported", values=Categories({False: 0.5, True: 0.5}), id="PassengerId",
        ids=Ids("members", "_"), sample_id="PassengerId", predicted={"Transported": False},
        files=("train.csv", "test.csv", "sample_submission.csv"),
    ).make()  # fmt: skip
