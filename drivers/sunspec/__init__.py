"""SunSpec devices: found by their model chain, read and controlled by declared points.

Sign: SunSpec counts injected power as positive, we count consumed power as positive; flipped here and nowhere else.
"""
