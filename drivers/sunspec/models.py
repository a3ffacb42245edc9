"""The SunSpec models used here, as far as they are used.

Source: model_1, 103, 120, 121, 123, 124, 701, 702, 704 and 713 .json (SunSpec, Apache-2.0) as shipped with pysunspec2
        1.3.7;
        tests/drivers/test_sunspec_models.py compares every offset, type and scale factor with those files.
"""

from typing import Final

from drivers.sunspec.points import Kind, Model, Point, Text

COMMON: Final = Model(
    1,
    (),
    (Text("Mn", 2, 16), Text("Md", 18, 16), Text("Vr", 42, 8), Text("SN", 50, 16)),
)

INVERTER_THREE_PHASE: Final = Model(
    103,
    (
        Point("A", 2, Kind.UINT16, "A_SF"),
        Point("AphA", 3, Kind.UINT16, "A_SF"),
        Point("AphB", 4, Kind.UINT16, "A_SF"),
        Point("AphC", 5, Kind.UINT16, "A_SF"),
        Point("A_SF", 6, Kind.SUNSSF),
        Point("PhVphA", 10, Kind.UINT16, "V_SF"),
        Point("PhVphB", 11, Kind.UINT16, "V_SF"),
        Point("PhVphC", 12, Kind.UINT16, "V_SF"),
        Point("V_SF", 13, Kind.SUNSSF),
        Point("W", 14, Kind.INT16, "W_SF"),
        Point("W_SF", 15, Kind.SUNSSF),
        Point("Hz", 16, Kind.UINT16, "Hz_SF"),
        Point("Hz_SF", 17, Kind.SUNSSF),
        Point("VA", 18, Kind.INT16, "VA_SF"),
        Point("VA_SF", 19, Kind.SUNSSF),
        Point("VAr", 20, Kind.INT16, "VAr_SF"),
        Point("VAr_SF", 21, Kind.SUNSSF),
        Point("WH", 24, Kind.ACC32, "WH_SF"),
        Point("WH_SF", 26, Kind.SUNSSF),
        Point("TmpCab", 33, Kind.INT16, "Tmp_SF"),
        Point("Tmp_SF", 37, Kind.SUNSSF),
    ),
)

NAMEPLATE: Final = Model(
    120,
    (
        Point("WRtg", 3, Kind.UINT16, "WRtg_SF"),
        Point("WRtg_SF", 4, Kind.SUNSSF),
    ),
)

SETTINGS: Final = Model(
    121,
    (
        Point("WMax", 2, Kind.UINT16, "WMax_SF"),
        Point("WMax_SF", 22, Kind.SUNSSF),
    ),
)

IMMEDIATE_CONTROLS: Final = Model(
    123,
    (
        Point("WMaxLimPct", 5, Kind.UINT16, "WMaxLimPct_SF"),
        Point("WMaxLimPct_RvrtTms", 7, Kind.UINT16),
        Point("WMaxLim_Ena", 9, Kind.ENUM16),
        Point("WMaxLimPct_SF", 23, Kind.SUNSSF),
    ),
)

BASIC_STORAGE: Final = Model(
    124,
    (
        Point("WChaMax", 2, Kind.UINT16, "WChaMax_SF"),
        Point("StorCtl_Mod", 5, Kind.BITFIELD16),
        Point("ChaState", 8, Kind.UINT16, "ChaState_SF"),
        Point("OutWRte", 12, Kind.INT16, "InOutWRte_SF"),
        Point("InWRte", 13, Kind.INT16, "InOutWRte_SF"),
        Point("InOutWRte_RvrtTms", 15, Kind.UINT16),
        Point("WChaMax_SF", 18, Kind.SUNSSF),
        Point("ChaState_SF", 22, Kind.SUNSSF),
        Point("InOutWRte_SF", 25, Kind.SUNSSF),
    ),
)

DER_MEASUREMENT: Final = Model(
    701,
    (
        Point("W", 10, Kind.INT16, "W_SF"),
        Point("VA", 11, Kind.INT16, "VA_SF"),
        Point("Var", 12, Kind.INT16, "Var_SF"),
        Point("PF", 13, Kind.INT16, "PF_SF"),
        Point("A", 14, Kind.INT16, "A_SF"),
        Point("Hz", 17, Kind.UINT32, "Hz_SF"),
        Point("TotWhInj", 19, Kind.UINT64, "TotWh_SF"),
        Point("TotWhAbs", 23, Kind.UINT64, "TotWh_SF"),
        Point("TmpCab", 36, Kind.INT16, "Tmp_SF"),
        Point("WL1", 41, Kind.INT16, "W_SF"),
        Point("AL1", 45, Kind.INT16, "A_SF"),
        Point("VL1", 47, Kind.UINT16, "V_SF"),
        Point("WL2", 64, Kind.INT16, "W_SF"),
        Point("AL2", 68, Kind.INT16, "A_SF"),
        Point("VL2", 70, Kind.UINT16, "V_SF"),
        Point("WL3", 87, Kind.INT16, "W_SF"),
        Point("AL3", 91, Kind.INT16, "A_SF"),
        Point("VL3", 93, Kind.UINT16, "V_SF"),
        Point("A_SF", 113, Kind.SUNSSF),
        Point("V_SF", 114, Kind.SUNSSF),
        Point("Hz_SF", 115, Kind.SUNSSF),
        Point("W_SF", 116, Kind.SUNSSF),
        Point("PF_SF", 117, Kind.SUNSSF),
        Point("VA_SF", 118, Kind.SUNSSF),
        Point("Var_SF", 119, Kind.SUNSSF),
        Point("TotWh_SF", 120, Kind.SUNSSF),
        Point("Tmp_SF", 122, Kind.SUNSSF),
    ),
)

DER_CAPACITY: Final = Model(
    702,
    (
        Point("WMaxRtg", 2, Kind.UINT16, "W_SF"),
        Point("WChaRteMaxRtg", 10, Kind.UINT16, "W_SF"),
        Point("WDisChaRteMaxRtg", 11, Kind.UINT16, "W_SF"),
        Point("WMax", 26, Kind.UINT16, "W_SF"),
        Point("W_SF", 45, Kind.SUNSSF),
    ),
)

DER_CONTROLS: Final = Model(
    704,
    (
        Point("WMaxLimPctEna", 14, Kind.ENUM16),
        Point("WMaxLimPct", 15, Kind.UINT16, "WMaxLimPct_SF"),
        Point("WMaxLimPctRvrt", 16, Kind.UINT16, "WMaxLimPct_SF"),
        Point("WMaxLimPctEnaRvrt", 17, Kind.ENUM16),
        Point("WMaxLimPctRvrtTms", 18, Kind.UINT32),
        Point("WMaxLimPctRvrtRem", 20, Kind.UINT32),
        Point("WSetEna", 22, Kind.ENUM16),
        Point("WSetMod", 23, Kind.ENUM16),
        Point("WSet", 24, Kind.INT32, "WSet_SF"),
        Point("WSetRvrt", 26, Kind.INT32, "WSet_SF"),
        Point("WSetEnaRvrt", 30, Kind.ENUM16),
        Point("WSetRvrtTms", 31, Kind.UINT32),
        Point("WSetRvrtRem", 33, Kind.UINT32),
        Point("WMaxLimPct_SF", 54, Kind.SUNSSF),
        Point("WSet_SF", 55, Kind.SUNSSF),
    ),
)

STORAGE: Final = Model(
    713,
    (
        Point("WHRtg", 2, Kind.UINT16, "WH_SF"),
        Point("WHAvail", 3, Kind.UINT16, "WH_SF"),
        Point("SoC", 4, Kind.UINT16, "Pct_SF"),
        Point("SoH", 5, Kind.UINT16, "Pct_SF"),
        Point("WH_SF", 7, Kind.SUNSSF),
        Point("Pct_SF", 8, Kind.SUNSSF),
    ),
)
