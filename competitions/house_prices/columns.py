"""The 79 columns of a house: the values of each, as data_description.txt tells them, or their range."""

import pandera.pandas as pa

QUALITY = "TA|Gd|Ex|Fa|Po"  # typical, good, excellent, fair, poor
RATED = ("ExterQual", "ExterCond", "BsmtQual", "BsmtCond", "HeatingQC", "KitchenQual", "FireplaceQu", "GarageQual",
         "GarageCond", "PoolQC")  # fmt: skip
FINISH = "Unf|GLQ|ALQ|Rec|BLQ|LwQ"  # of a basement
CONDITION = "Norm|Feedr|Artery|RRAn|PosN|RRAe|PosA|RRNn|RRNe"  # near to a railway, a park, a main street

# The values of a column, the most frequent first. MSSubClass is a code: 60 is no more than 50.
CATEGORIES = dict.fromkeys(RATED, QUALITY) | {
    "MSSubClass": "20|60|50|120|30|70|160|80|90|190|85|75|180|45|40|150", "MSZoning": "RL|RM|FV|C (all)|RH",
    "Street": "Pave|Grvl", "Alley": "Grvl|Pave", "LotShape": "Reg|IR1|IR2|IR3", "LandContour": "Lvl|HLS|Bnk|Low",
    "Utilities": "AllPub|NoSeWa", "LotConfig": "Inside|Corner|CulDSac|FR2|FR3", "LandSlope": "Gtl|Mod|Sev",
    "Neighborhood": "NAmes|CollgCr|OldTown|Edwards|Somerst|Gilbert|NridgHt|Sawyer|NWAmes|SawyerW|Mitchel|BrkSide|"
                    "Crawfor|IDOTRR|Timber|NoRidge|StoneBr|SWISU|ClearCr|MeadowV|Blmngtn|BrDale|NPkVill|Veenker|Blueste",
    "Condition1": CONDITION, "Condition2": CONDITION, "BldgType": "1Fam|TwnhsE|Duplex|Twnhs|2fmCon",
    "HouseStyle": "1Story|2Story|1.5Fin|SLvl|SFoyer|2.5Unf|1.5Unf|2.5Fin",
    "RoofStyle": "Gable|Hip|Gambrel|Flat|Mansard|Shed",
    "RoofMatl": "CompShg|Tar&Grv|WdShake|WdShngl|ClyTile|Membran|Metal|Roll",
    "Exterior1st": "VinylSd|MetalSd|HdBoard|Wd Sdng|Plywood|CemntBd|BrkFace|WdShing|AsbShng|Stucco|BrkComm|AsphShn|"
                   "CBlock|ImStucc|Stone",
    "Exterior2nd": "VinylSd|MetalSd|HdBoard|Wd Sdng|Plywood|CmentBd|Wd Shng|BrkFace|Stucco|AsbShng|Brk Cmn|ImStucc|"
                   "Stone|AsphShn|CBlock|Other",
    "MasVnrType": "None|BrkFace|Stone|BrkCmn", "Foundation": "PConc|CBlock|BrkTil|Slab|Stone|Wood",
    "BsmtExposure": "No|Av|Gd|Mn", "BsmtFinType1": FINISH, "BsmtFinType2": FINISH,
    "Heating": "GasA|GasW|Grav|Wall|Floor|OthW", "CentralAir": "Y|N", "Electrical": "SBrkr|FuseA|FuseF|FuseP|Mix",
    "Functional": "Typ|Min2|Min1|Mod|Maj1|Maj2|Sev", "GarageType": "Attchd|Detchd|BuiltIn|Basment|2Types|CarPort",
    "GarageFinish": "Unf|RFn|Fin", "PavedDrive": "Y|N|P", "Fence": "MnPrv|GdPrv|GdWo|MnWw",
    "MiscFeature": "Shed|Gar2|Othr|TenC", "SaleType": "WD|New|COD|ConLD|CWD|ConLI|ConLw|Con|Oth",
    "SaleCondition": "Normal|Partial|Abnorml|Family|Alloca|AdjLand",
}  # fmt: skip
# The highest number that a column may hold -> column -> its least, middle and greatest, but for some odd rows.
NUMBERS = {
    20: {"OverallQual": (3, 6, 10), "OverallCond": (3, 5, 9), "BsmtFullBath": (0, 0, 2), "BsmtHalfBath": (0, 0, 1),
        "FullBath": (1, 2, 3), "HalfBath": (0, 0, 1), "BedroomAbvGr": (1, 3, 5), "KitchenAbvGr": (1, 1, 2),
        "TotRmsAbvGrd": (4, 6, 11), "Fireplaces": (0, 1, 2), "GarageCars": (0, 2, 3), "MoSold": (1, 6, 12)},
    2300: {"YearBuilt": (1900, 1973, 2008), "YearRemodAdd": (1950, 1993, 2009), "GarageYrBlt": (1915, 1979, 2009),
        "YrSold": (2006, 2008, 2010)},  # years; one garage is built in 2207
    20_000: {"1stFlrSF": (520, 1080, 2290), "2ndFlrSF": (0, 0, 1400), "LotFrontage": (21, 68, 136),
        "MiscVal": (0, 0, 982), "GrLivArea": (675, 1440, 2940), "LowQualFinSF": (0, 0, 154),
        "TotalBsmtSF": (0, 990, 2200), "BsmtUnfSF": (0, 467, 1780), "BsmtFinSF1": (0, 368, 1640),
        "BsmtFinSF2": (0, 0, 875), "PoolArea": (0, 0, 500), "MasVnrArea": (0, 0, 771), "GarageArea": (0, 480, 1020),
        "WoodDeckSF": (0, 0, 501), "OpenPorchSF": (0, 26, 284), "EnclosedPorch": (0, 0, 264), "3SsnPorch": (0, 0, 144),
        "ScreenPorch": (0, 0, 260)},  # square feet; LotFrontage feet, MiscVal dollars
    1_000_000: {"LotArea": (1680, 9450, 33_000)},
}  # fmt: skip
# Share of the rows that say NA, which most often is a house without an alley, a garage, a pool.
GAPS = {"PoolQC": 0.95, "MiscFeature": 0.95, "Alley": 0.93, "Fence": 0.8, "FireplaceQu": 0.49, "LotFrontage": 0.17}
GAPS |= dict.fromkeys(("GarageType", "GarageYrBlt", "GarageFinish", "GarageQual", "GarageCond"), 0.05)
GAPS |= dict.fromkeys(("BsmtQual", "BsmtCond", "BsmtExposure", "BsmtFinType1", "BsmtFinType2", "MasVnrType"), 0.03)

SCHEMA = pa.DataFrameSchema(  # any cell may be missing: in 34 columns some are
    {name: pa.Column(str, pa.Check.isin(values.split("|")), nullable=True) for name, values in CATEGORIES.items()}
    | {name: pa.Column(float, pa.Check.in_range(0, highest), nullable=True)
       for highest, columns in NUMBERS.items() for name in columns}
)  # fmt: skip
