"""The SunSpec models of our simulated devices, hand-written point by point.

Source: SunSpec model definitions (Apache-2.0), files model_1, 103, 120, 121, 123, 701, 702, 704 and 713 .json as shipped in
        pysunspec2 1.3.7; tests/sim_hardware/test_sunspec_models.py compares offset, type, width, scale, access and symbols.
"""

from collections.abc import Sequence

from sim_hardware.devices.sunspec import (
    ACC32,
    BITFIELD16,
    BITFIELD32,
    ENUM16,
    INT16,
    INT32,
    PAD,
    STRING,
    SUNSSF,
    UINT16,
    UINT32,
    UINT64,
    Kind,
    Model,
    Point,
)


def _same(kind: Kind, scale: str | None, names: str, writable: bool = False) -> list[Point]:
    """Several points of one type, one scale and one access."""
    return [Point(name, kind, scale, writable, size=kind.words) for name in names.split()]


def _scales(names: str) -> list[Point]:
    return _same(SUNSSF, None, names)


def _text(name: str, words: int) -> Point:
    return Point(name, STRING, size=words)


def _enum(name: str, symbols: Sequence[int], writable: bool = False) -> Point:
    return Point(name, ENUM16, None, writable, tuple(symbols))


def _enabled(*names: str) -> list[Point]:
    return [_enum(name, (0, 1), writable=True) for name in names]


def _bits(name: str, count: int, kind: Kind = BITFIELD32, writable: bool = False) -> Point:
    return Point(name, kind, None, writable, tuple(range(count)), kind.words)


M1 = Model(
    1,
    (
        _text("Mn", 16),
        _text("Md", 16),
        _text("Opt", 8),
        _text("Vr", 8),
        _text("SN", 16),
        Point("DA", UINT16, writable=True),
        Point("Pad", PAD),
    ),
)

M103 = Model(
    103,
    (
        *_same(UINT16, "A_SF", "A AphA AphB AphC"),
        *_scales("A_SF"),
        *_same(UINT16, "V_SF", "PPVphAB PPVphBC PPVphCA PhVphA PhVphB PhVphC"),
        *_scales("V_SF"),
        *_same(INT16, "W_SF", "W"),
        *_scales("W_SF"),
        *_same(UINT16, "Hz_SF", "Hz"),
        *_scales("Hz_SF"),
        *_same(INT16, "VA_SF", "VA"),
        *_scales("VA_SF"),
        *_same(INT16, "VAr_SF", "VAr"),
        *_scales("VAr_SF"),
        *_same(INT16, "PF_SF", "PF"),
        *_scales("PF_SF"),
        *_same(ACC32, "WH_SF", "WH"),
        *_scales("WH_SF"),
        *_same(UINT16, "DCA_SF", "DCA"),
        *_scales("DCA_SF"),
        *_same(UINT16, "DCV_SF", "DCV"),
        *_scales("DCV_SF"),
        *_same(INT16, "DCW_SF", "DCW"),
        *_scales("DCW_SF"),
        *_same(INT16, "Tmp_SF", "TmpCab TmpSnk TmpTrns TmpOt"),
        *_scales("Tmp_SF"),
        _enum("St", range(1, 9)),
        _enum("StVnd", ()),
        _bits("Evt1", 16),
        *(_bits(name, 0) for name in ("Evt2", "EvtVnd1", "EvtVnd2", "EvtVnd3", "EvtVnd4")),
    ),
)

M120 = Model(
    120,
    (
        _enum("DERTyp", (4, 82)),
        *_same(UINT16, "WRtg_SF", "WRtg"),
        *_scales("WRtg_SF"),
        *_same(UINT16, "VARtg_SF", "VARtg"),
        *_scales("VARtg_SF"),
        *_same(INT16, "VArRtg_SF", "VArRtgQ1 VArRtgQ2 VArRtgQ3 VArRtgQ4"),
        *_scales("VArRtg_SF"),
        *_same(UINT16, "ARtg_SF", "ARtg"),
        *_scales("ARtg_SF"),
        *_same(INT16, "PFRtg_SF", "PFRtgQ1 PFRtgQ2 PFRtgQ3 PFRtgQ4"),
        *_scales("PFRtg_SF"),
        *_same(UINT16, "WHRtg_SF", "WHRtg"),
        *_scales("WHRtg_SF"),
        *_same(UINT16, "AhrRtg_SF", "AhrRtg"),
        *_scales("AhrRtg_SF"),
        *_same(UINT16, "MaxChaRte_SF", "MaxChaRte"),
        *_scales("MaxChaRte_SF"),
        *_same(UINT16, "MaxDisChaRte_SF", "MaxDisChaRte"),
        *_scales("MaxDisChaRte_SF"),
        Point("Pad", PAD),
    ),
)

M121 = Model(
    121,
    (
        *_same(UINT16, "WMax_SF", "WMax", writable=True),
        *_same(UINT16, "VRef_SF", "VRef", writable=True),
        *_same(INT16, "VRefOfs_SF", "VRefOfs", writable=True),
        *_same(UINT16, "VMinMax_SF", "VMax VMin", writable=True),
        *_same(UINT16, "VAMax_SF", "VAMax", writable=True),
        *_same(INT16, "VArMax_SF", "VArMaxQ1 VArMaxQ2 VArMaxQ3 VArMaxQ4", writable=True),
        *_same(UINT16, "WGra_SF", "WGra", writable=True),
        *_same(INT16, "PFMin_SF", "PFMinQ1 PFMinQ2 PFMinQ3 PFMinQ4", writable=True),
        _enum("VArAct", (1, 2), writable=True),
        _enum("ClcTotVA", (1, 2), writable=True),
        *_same(UINT16, "MaxRmpRte_SF", "MaxRmpRte", writable=True),
        *_same(UINT16, "ECPNomHz_SF", "ECPNomHz", writable=True),
        _enum("ConnPh", (1, 2, 3), writable=True),
        *_scales("WMax_SF VRef_SF VRefOfs_SF VMinMax_SF VAMax_SF VArMax_SF WGra_SF PFMin_SF MaxRmpRte_SF ECPNomHz_SF"),
    ),
)

M123 = Model(
    123,
    (
        *_same(UINT16, None, "Conn_WinTms Conn_RvrtTms", writable=True),
        *_enabled("Conn"),
        *_same(UINT16, "WMaxLimPct_SF", "WMaxLimPct", writable=True),
        *_same(UINT16, None, "WMaxLimPct_WinTms WMaxLimPct_RvrtTms WMaxLimPct_RmpTms", writable=True),
        *_enabled("WMaxLim_Ena"),
        *_same(INT16, "OutPFSet_SF", "OutPFSet", writable=True),
        *_same(UINT16, None, "OutPFSet_WinTms OutPFSet_RvrtTms OutPFSet_RmpTms", writable=True),
        *_enabled("OutPFSet_Ena"),
        *_same(INT16, "VArPct_SF", "VArWMaxPct VArMaxPct VArAvalPct", writable=True),
        *_same(UINT16, None, "VArPct_WinTms VArPct_RvrtTms VArPct_RmpTms", writable=True),
        _enum("VArPct_Mod", (0, 1, 2, 3), writable=True),
        *_enabled("VArPct_Ena"),
        *_scales("WMaxLimPct_SF OutPFSet_SF VArPct_SF"),
    ),
)


def _phase_701(phase: str, line: str) -> list[Point]:
    """The block of one phase in model 701; `line` is the next phase."""
    return [
        *_same(INT16, "W_SF", f"W{phase}"),
        *_same(INT16, "VA_SF", f"VA{phase}"),
        *_same(INT16, "Var_SF", f"Var{phase}"),
        *_same(INT16, "PF_SF", f"PF{phase}"),
        *_same(INT16, "A_SF", f"A{phase}"),
        *_same(UINT16, "V_SF", f"V{phase}{line} V{phase}"),
        *_same(UINT64, "TotWh_SF", f"TotWhInj{phase} TotWhAbs{phase}"),
        *_same(UINT64, "TotVarh_SF", f"TotVarhInj{phase} TotVarhAbs{phase}"),
    ]


M701 = Model(
    701,
    (
        _enum("ACType", (0, 1, 2)),
        _enum("St", (0, 1)),
        _enum("InvSt", range(8)),
        _enum("ConnSt", (0, 1)),
        _bits("Alrm", 17),
        _bits("DERMode", 3),
        *_same(INT16, "W_SF", "W"),
        *_same(INT16, "VA_SF", "VA"),
        *_same(INT16, "Var_SF", "Var"),
        *_same(INT16, "PF_SF", "PF"),
        *_same(INT16, "A_SF", "A"),
        *_same(UINT16, "V_SF", "LLV LNV"),
        *_same(UINT32, "Hz_SF", "Hz"),
        *_same(UINT64, "TotWh_SF", "TotWhInj TotWhAbs"),
        *_same(UINT64, "TotVarh_SF", "TotVarhInj TotVarhAbs"),
        *_same(INT16, "Tmp_SF", "TmpAmb TmpCab TmpSnk TmpTrns TmpSw TmpOt"),
        *_phase_701("L1", "L2"),
        *_phase_701("L2", "L3"),
        *_phase_701("L3", "L1"),
        Point("ThrotPct", UINT16),
        _bits("ThrotSrc", 15),
        *_scales("A_SF V_SF Hz_SF W_SF PF_SF VA_SF Var_SF TotWh_SF TotVarh_SF Tmp_SF"),
        _text("MnAlrmInfo", 32),
    ),
)

M702 = Model(
    702,
    (
        *_same(UINT16, "W_SF", "WMaxRtg WOvrExtRtg"),
        *_same(UINT16, "PF_SF", "WOvrExtRtgPF"),
        *_same(UINT16, "W_SF", "WUndExtRtg"),
        *_same(UINT16, "PF_SF", "WUndExtRtgPF"),
        *_same(UINT16, "VA_SF", "VAMaxRtg"),
        *_same(UINT16, "Var_SF", "VarMaxInjRtg VarMaxAbsRtg"),
        *_same(UINT16, "W_SF", "WChaRteMaxRtg WDisChaRteMaxRtg"),
        *_same(UINT16, "VA_SF", "VAChaRteMaxRtg VADisChaRteMaxRtg"),
        *_same(UINT16, "V_SF", "VNomRtg VMaxRtg VMinRtg"),
        *_same(UINT16, "A_SF", "AMaxRtg"),
        *_same(UINT16, "PF_SF", "PFOvrExtRtg PFUndExtRtg"),
        *_same(UINT16, "S_SF", "ReactSusceptRtg"),
        _enum("NorOpCatRtg", (0, 1)),
        _enum("AbnOpCatRtg", (0, 1, 2)),
        _bits("CtrlModes", 14),
        _bits("IntIslandCatRtg", 4, BITFIELD16),
        *_same(UINT16, "W_SF", "WMax WMaxOvrExt", writable=True),
        *_same(UINT16, "PF_SF", "WOvrExtPF", writable=True),
        *_same(UINT16, "W_SF", "WMaxUndExt", writable=True),
        *_same(UINT16, "PF_SF", "WUndExtPF", writable=True),
        *_same(UINT16, "VA_SF", "VAMax", writable=True),
        *_same(UINT16, "Var_SF", "VarMaxInj VarMaxAbs", writable=True),
        *_same(UINT16, "W_SF", "WChaRteMax WDisChaRteMax", writable=True),
        *_same(UINT16, "VA_SF", "VAChaRteMax VADisChaRteMax", writable=True),
        *_same(UINT16, "V_SF", "VNom VMax VMin", writable=True),
        *_same(UINT16, "A_SF", "AMax", writable=True),
        *_same(UINT16, "PF_SF", "PFOvrExt PFUndExt", writable=True),
        _bits("IntIslandCat", 4, BITFIELD16, writable=True),
        *_scales("W_SF PF_SF VA_SF Var_SF V_SF A_SF S_SF"),
    ),
)


def _power_factor_704(direction: str) -> list[Point]:
    return [
        *_enabled(f"PFW{direction}Ena", f"PFW{direction}EnaRvrt"),
        *_same(UINT32, None, f"PFW{direction}RvrtTms", writable=True),
        *_same(UINT32, None, f"PFW{direction}RvrtRem"),
    ]


def _pair_704(group: str) -> list[Point]:
    """A power factor with its excitation; SunSpec nests them in a group, here the group's name leads."""
    return [
        *_same(UINT16, "PF_SF", f"{group}.PF", writable=True),
        _enum(f"{group}.Ext", (0, 1), writable=True),
    ]


M704 = Model(
    704,
    (
        *_power_factor_704("Inj"),
        *_power_factor_704("Abs"),
        *_enabled("WMaxLimPctEna"),
        *_same(UINT16, "WMaxLimPct_SF", "WMaxLimPct WMaxLimPctRvrt", writable=True),
        *_enabled("WMaxLimPctEnaRvrt"),
        *_same(UINT32, None, "WMaxLimPctRvrtTms", writable=True),
        *_same(UINT32, None, "WMaxLimPctRvrtRem"),
        *_enabled("WSetEna"),
        *_enabled("WSetMod"),
        *_same(INT32, "WSet_SF", "WSet WSetRvrt", writable=True),
        *_same(INT16, "WSetPct_SF", "WSetPct WSetPctRvrt", writable=True),
        *_enabled("WSetEnaRvrt"),
        *_same(UINT32, None, "WSetRvrtTms", writable=True),
        *_same(UINT32, None, "WSetRvrtRem"),
        *_enabled("VarSetEna"),
        _enum("VarSetMod", range(5), writable=True),
        _enum("VarSetPri", range(3), writable=True),
        *_same(INT32, "VarSet_SF", "VarSet VarSetRvrt", writable=True),
        *_same(INT16, "VarSetPct_SF", "VarSetPct VarSetPctRvrt", writable=True),
        *_enabled("VarSetEnaRvrt"),
        *_same(UINT32, None, "VarSetRvrtTms", writable=True),
        *_same(UINT32, None, "VarSetRvrtRem"),
        Point("WRmp", UINT16, writable=True),
        *_enabled("WRmpRef"),
        Point("VarRmp", UINT16, writable=True),
        *_enabled("AntiIslEna"),
        *_scales("PF_SF WMaxLimPct_SF WSet_SF WSetPct_SF VarSet_SF VarSetPct_SF"),
        *_pair_704("PFWInj"),
        *_pair_704("PFWInjRvrt"),
        *_pair_704("PFWAbs"),
        *_pair_704("PFWAbsRvrt"),
    ),
)

M713 = Model(
    713,
    (
        *_same(UINT16, "WH_SF", "WHRtg WHAvail"),
        *_same(UINT16, "Pct_SF", "SoC SoH"),
        _enum("Sta", (0, 1, 2)),
        *_scales("WH_SF Pct_SF"),
    ),
)
