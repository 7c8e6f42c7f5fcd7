"""Bytes from elsewhere: downloads, archives, packed data sets, scans of many clips."""
