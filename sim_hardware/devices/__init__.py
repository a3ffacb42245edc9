"""Devices: register images written from the vendors' data sheets and SunSpec's model files, not from our drivers."""
