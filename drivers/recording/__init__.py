"""Writing down what goes over a device's wire, with its serial numbers taken out."""
