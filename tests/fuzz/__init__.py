"""Readers on inputs that a fuzzer makes: `make fuzz` runs all, `test_found.py` what was found."""
