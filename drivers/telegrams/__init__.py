"""Meters that talk by themselves, or all at once when asked: P1, SML, DLMS push, IEC 62056-21."""
